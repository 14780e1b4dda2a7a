/**
 * The tables of a node's database, as the list of steps that lead to them. A step that was
 * released is never changed: a database records how many were applied (`user_version`), and the
 * rest is applied when it is opened.
 *
 * Identities are their 32 bytes, times wall clock milliseconds. Columns and checks
 * are strict, so that a damaged row is found when the database is opened
 * (`database.ts`) and not when it is read.
 */

/** Marks a database as ours: "vrck". */
export const APPLICATION_ID = 0x7672636b;

const PEERS = `
CREATE TABLE peer (
  identity BLOB NOT NULL PRIMARY KEY CHECK (length(identity) = 32),
  certificate BLOB NOT NULL,
  name TEXT NOT NULL,
  trust TEXT NOT NULL CHECK (trust IN ('first-use', 'known', 'pinned')),
  ephemeral INTEGER NOT NULL CHECK (ephemeral IN (0, 1)),
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  statement BLOB NOT NULL
) STRICT;

CREATE TABLE peer_address (
  identity BLOB NOT NULL REFERENCES peer ON DELETE CASCADE,
  position INTEGER NOT NULL,
  host TEXT NOT NULL,
  port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
  rank TEXT NOT NULL CHECK (rank IN ('proven', 'typed', 'claimed')),
  typed INTEGER NOT NULL CHECK (typed IN (0, 1)),
  named_from TEXT
    CHECK (named_from IN ('loopback', 'private', 'public', 'never')),
  PRIMARY KEY (identity, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE verdict (
  identity BLOB NOT NULL PRIMARY KEY CHECK (length(identity) = 32),
  verdict TEXT NOT NULL CHECK (verdict IN ('allowed', 'denied', 'forgotten')),
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pending (
  identity BLOB NOT NULL PRIMARY KEY CHECK (length(identity) = 32),
  certificate BLOB NOT NULL,
  host TEXT NOT NULL,
  port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
  direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL
) STRICT;

CREATE TABLE invite (
  id TEXT NOT NULL PRIMARY KEY,
  key BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  used_by BLOB CHECK (length(used_by) = 32)
) STRICT;

CREATE TABLE setting (
  key TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;
`;

const MESSAGES = `
CREATE TABLE outgoing_message (
  key INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  topic TEXT NOT NULL,
  body BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  ttl_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE outgoing_receiver (
  key INTEGER NOT NULL REFERENCES outgoing_message ON DELETE CASCADE,
  receiver BLOB NOT NULL CHECK (length(receiver) = 32),
  PRIMARY KEY (key, receiver)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen (
  position INTEGER PRIMARY KEY,
  sender BLOB NOT NULL CHECK (length(sender) = 32),
  id BLOB NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX seen_by_sender ON seen (sender);
CREATE INDEX seen_by_time ON seen (at);

CREATE TABLE attempts (
  sender BLOB NOT NULL CHECK (length(sender) = 32),
  id BLOB NOT NULL,
  attempts INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (sender, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE set_aside (
  position INTEGER PRIMARY KEY,
  sender BLOB NOT NULL CHECK (length(sender) = 32),
  id BLOB NOT NULL,
  topic TEXT NOT NULL,
  body BLOB NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  UNIQUE (sender, id)
) STRICT;
`;

const STANDING = `
ALTER TABLE peer ADD COLUMN earned_standing INTEGER NOT NULL DEFAULT 0
  CHECK (earned_standing IN (0, 1));
`;

const NAMES = `
CREATE TABLE name_binding (
  position INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  identity BLOB NOT NULL CHECK (length(identity) = 32),
  ephemeral INTEGER NOT NULL CHECK (ephemeral IN (0, 1)),
  confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1))
) STRICT;
`;

const SOURCES = `
ALTER TABLE peer ADD COLUMN up_for_long INTEGER NOT NULL DEFAULT 0
  CHECK (up_for_long IN (0, 1));
ALTER TABLE peer ADD COLUMN source TEXT NOT NULL DEFAULT '';
`;

const KEPT = `
CREATE TABLE kept_topic (
  topic TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE kept_message (
  key INTEGER PRIMARY KEY,
  sender BLOB NOT NULL CHECK (length(sender) = 32),
  id BLOB NOT NULL,
  topic TEXT NOT NULL,
  at INTEGER NOT NULL,
  delivery_count INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;
`;

/** The steps, oldest first. */
export const MIGRATIONS: readonly string[] = [
  PEERS,
  MESSAGES,
  STANDING,
  NAMES,
  SOURCES,
  KEPT,
];
