-- The database of Bagel Turret, as of user_version 4. Run at every start: only adds what is missing.

CREATE TABLE IF NOT EXISTS account (
    id            INTEGER PRIMARY KEY,
    username      TEXT NOT NULL UNIQUE COLLATE NOCASE,
    email         TEXT UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'gunner', 'admin')),
    created_at    TEXT NOT NULL
);

-- What the program itself remembers over a restart.
CREATE TABLE IF NOT EXISTS setting (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Photos, videos and timelapses. A row is made after its file and removed before it. Dates are ISO 8601, UTC,
-- with milliseconds, so that their order as text is their order in time.
CREATE TABLE IF NOT EXISTS media (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    filename   TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL CHECK (kind IN ('photo', 'video', 'timelapse')),
    date       TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    width_px   INTEGER NOT NULL,
    height_px  INTEGER NOT NULL,
    duration_s REAL,
    frames     INTEGER,
    dropped    INTEGER NOT NULL DEFAULT 0,
    protected  INTEGER NOT NULL DEFAULT 0,
    ready      INTEGER NOT NULL DEFAULT 1, -- 0: still the segments in partial/, not yet a film
    folder     TEXT,                       -- while not ready: where in partial/ its segments lie
    fault      TEXT,                       -- why it did not become a film; the segments are kept
    account_id INTEGER REFERENCES account (id) ON DELETE SET NULL,
    parent_id  INTEGER REFERENCES media (id) ON DELETE SET NULL,
    expires_at TEXT                        -- when it goes, whatever [retention] says; NULL follows [retention] alone
);
CREATE INDEX IF NOT EXISTS media_by_date ON media (date, id);
CREATE INDEX IF NOT EXISTS media_by_kind ON media (kind, date, id);
CREATE INDEX IF NOT EXISTS media_sizes ON media (kind, size_bytes);
CREATE INDEX IF NOT EXISTS media_not_ready ON media (folder) WHERE ready = 0;
-- Without these, each row that goes looks at all others for some that point to it.
CREATE INDEX IF NOT EXISTS media_by_parent ON media (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS media_by_account ON media (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS media_that_expire ON media (expires_at) WHERE expires_at IS NOT NULL;

-- Files and folders, relative to the media folder, that nothing refers to any more and that are about to be removed.
-- Written together with the change that makes them superfluous, so that a power cut never brings them back.
CREATE TABLE IF NOT EXISTS removal (
    path TEXT PRIMARY KEY
) WITHOUT ROWID;

-- Positions to come back to; slot is the key 1..9 that goes there, thumbnail a small JPEG of that moment.
CREATE TABLE IF NOT EXISTS preset (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL UNIQUE COLLATE NOCASE,
    slot       INTEGER UNIQUE CHECK (slot BETWEEN 1 AND 9),
    pan_deg    REAL,
    tilt_deg   REAL,
    thumbnail  BLOB,
    created_at TEXT NOT NULL
);
