export { OutboxTestingModule } from './outbox-testing.module';
export { TestingOutboxRepository, type RecordedEvent } from './testing-outbox.repository';
