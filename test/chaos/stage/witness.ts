import { Client } from 'pg';

/**
 * Tables of the chaos' own. A writer adds a row to the first one in each of its transactions: it is there if and only if that has committed. The
 * transaction's id alone would not tell: what a crash of the server has forgotten before it was written out is given out a second time.
 * The second one says who settles what, noted by triggers, with whoever owned the lane in that moment. The third one holds what the consumers do for the
 * events: it takes each as often as it is done.
 */
const WITNESS = `
  create table chaos_transaction (name text primary key, xid xid8 not null);
  create table chaos_settlement (
    n bigint generated always as identity primary key, id uuid not null, done_by text not null, lane_owner uuid);
  create table chaos_effect (
    n bigint generated always as identity primary key, event_id uuid not null, done_by text not null);
  create function chaos_settled() returns trigger language plpgsql as $$
  begin
    if tg_op = 'UPDATE' then
      insert into chaos_settlement (id, done_by, lane_owner)
      select o.id, current_setting('application_name'), l.owner
      from old_rows o join new_rows n using (seq) left join event_outbox_lane l on l.lane = o.lane
      where n.published_at is not null and (o.published_at is null or o.published_at <> n.published_at);
    else
      insert into chaos_settlement (id, done_by, lane_owner)
      select o.id, current_setting('application_name'), l.owner
      from old_rows o left join event_outbox_lane l on l.lane = o.lane
      where o.published_at is null;
    end if;
    return null;
  end $$;
  create trigger chaos_updated after update on event_outbox referencing old table as old_rows new table as new_rows
    for each statement execute function chaos_settled();
  create trigger chaos_deleted after delete on event_outbox referencing old table as old_rows
    for each statement execute function chaos_settled();`;

export async function installWitness(url: string): Promise<void> {
  await query(url, WITNESS);
}

/** Each statement has a connection of its own, since the server is restarted now and then. */
export async function query<Row extends object>(url: string, sql: string, values?: unknown[]): Promise<Row[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
