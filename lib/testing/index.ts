export { OutboxTestingModule } from './outbox-testing.module';
export { TestingInbox } from './testing-inbox';
export { TestingOutboxRepository, type RecordedEvent } from './testing-outbox.repository';
