import GRDB

/// The tables, and how those of an older version become them.
extension SQLiteStore {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: keys and usage") { try $0.execute(sql: keysAndUsage) }
        migrator.registerMigration("2: places, requests and limits") { database in
            try database.execute(sql: placesRequestsAndLimits)
            try database.execute(sql: placesOfOldUsage)
            try database.execute(sql: limitsOfOldUsage)
        }
        registerAdministration(&migrator)
        migrator.registerMigration("u1: images and audio") { database in
            for table in ["usage_place", "usage_place_day"] {
                for column in mediaColumns {
                    try database.execute(sql: "ALTER TABLE \(table) ADD COLUMN \(column) INTEGER NOT NULL DEFAULT 0")
                }
            }
        }
        registerSharing(&migrator)
        migrator.registerMigration("l1: what blocked limits are called") {
            try $0.execute(sql: "ALTER TABLE limit_block ADD COLUMN title TEXT NOT NULL DEFAULT ''")
        }
        migrator.registerMigration("k3: fractions of a second") {
            try $0.execute(sql: "ALTER TABLE key ADD COLUMN created_micros INTEGER NOT NULL DEFAULT 0")
        }
        migrator.registerMigration("u2: cache writes for an hour") { database in
            for table in ["usage_place", "usage_place_day"] {
                try database.execute(sql: "ALTER TABLE \(table) ADD COLUMN \(hourColumn) INTEGER NOT NULL DEFAULT 0")
            }
        }
        registerDirectory(&migrator)
        return migrator
    }

    /// The tables in the order in which they are saved from a damaged database; the journal's position after what it stands for.
    static let tables = [
        "key", "retired_secret", "audit", "usage_key", "usage_hour", "place", "usage_place", "usage_place_day", "limit_day",
        "limit_block", "limit_reset", "shared_store", "state_directory", "journal_position", "request",
    ]

    /// What places count that is no token: images, and milliseconds of audio.
    private static let mediaColumns = ["images", "audio_ms"]
    /// What of cache writes is kept for an hour.
    private static let hourColumn = "cache_write_1h"

    private static let keysAndUsage = """
        CREATE TABLE key (
            id TEXT PRIMARY KEY NOT NULL,
            name TEXT NOT NULL,
            digest BLOB UNIQUE,             -- SHA-256; NULL for a declared or deleted key
            masked TEXT NOT NULL,
            policy TEXT NOT NULL,
            tags TEXT NOT NULL,             -- a JSON object
            enabled INTEGER NOT NULL,
            created INTEGER NOT NULL,       -- seconds since 1970, as all times here
            expires INTEGER,
            origin TEXT NOT NULL,           -- declared | admin
            deleted INTEGER                 -- when; the row stays, so that usage keeps its name
        ) WITHOUT ROWID;

        CREATE TABLE usage_hour (
            hour INTEGER NOT NULL,          -- local: 2026021114
            key_id TEXT NOT NULL,
            model TEXT NOT NULL,
            requests INTEGER NOT NULL,
            uncached_input INTEGER NOT NULL,
            cache_read INTEGER NOT NULL,
            cache_write INTEGER NOT NULL,
            output INTEGER NOT NULL,
            reasoning INTEGER NOT NULL,     -- a part of output
            cost INTEGER NOT NULL,          -- nano-dollars
            partial INTEGER NOT NULL,       -- requests whose usage is known in part
            unknown INTEGER NOT NULL,       -- requests whose usage is not known
            PRIMARY KEY (hour, key_id, model)
        ) WITHOUT ROWID;
        CREATE INDEX usage_hour_by_key ON usage_hour (key_id, hour);

        CREATE TABLE usage_key (
            key_id TEXT PRIMARY KEY NOT NULL,
            last_used INTEGER NOT NULL,
            requests INTEGER NOT NULL,
            uncached_input INTEGER NOT NULL,
            cache_read INTEGER NOT NULL,
            cache_write INTEGER NOT NULL,
            output INTEGER NOT NULL,
            reasoning INTEGER NOT NULL,
            cost INTEGER NOT NULL,
            partial INTEGER NOT NULL,
            unknown INTEGER NOT NULL
        ) WITHOUT ROWID;

        CREATE TABLE journal_position (     -- one row: up to here the journal is in the tables
            id INTEGER PRIMARY KEY CHECK (id = 1),
            segment INTEGER NOT NULL,
            offset INTEGER NOT NULL
        );
        """

    private static let placesRequestsAndLimits = """
        CREATE TABLE place (                -- where usage came about
            id INTEGER PRIMARY KEY,
            upstream TEXT NOT NULL,
            account TEXT NOT NULL,
            rule TEXT NOT NULL,
            tags TEXT NOT NULL,             -- a JSON object, its members in order: the key's tags and the rule's
            UNIQUE (upstream, account, rule, tags)
        );

        ALTER TABLE usage_hour ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;  -- requests whose model has no price
        ALTER TABLE usage_key ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;

        CREATE TABLE usage_place (
            hour INTEGER NOT NULL,          -- local
            key_id TEXT NOT NULL,
            model TEXT NOT NULL,
            place INTEGER NOT NULL,
            requests INTEGER NOT NULL,
            uncached_input INTEGER NOT NULL,
            cache_read INTEGER NOT NULL,
            cache_write INTEGER NOT NULL,
            output INTEGER NOT NULL,
            reasoning INTEGER NOT NULL,
            cost INTEGER NOT NULL,
            counted INTEGER NOT NULL,       -- requests whose usage was not told, and counted by what came
            unpriced INTEGER NOT NULL,      -- requests whose model has no price
            PRIMARY KEY (hour, key_id, model, place)
        ) WITHOUT ROWID;

        CREATE TABLE usage_place_day (      -- the same per day: reports over months have a tenth of the rows to read
            day INTEGER NOT NULL,           -- local: 20260211; 0 where nobody knows
            key_id TEXT NOT NULL,
            model TEXT NOT NULL,
            place INTEGER NOT NULL,
            requests INTEGER NOT NULL,
            uncached_input INTEGER NOT NULL,
            cache_read INTEGER NOT NULL,
            cache_write INTEGER NOT NULL,
            output INTEGER NOT NULL,
            reasoning INTEGER NOT NULL,
            cost INTEGER NOT NULL,
            counted INTEGER NOT NULL,
            unpriced INTEGER NOT NULL,
            PRIMARY KEY (day, key_id, model, place)
        ) WITHOUT ROWID;

        CREATE TABLE request (              -- a block of records, as they lie in the journal
            id INTEGER PRIMARY KEY,         -- milliseconds of the newest, times 2^20, and what makes it greater than the one before
            oldest INTEGER NOT NULL,        -- milliseconds
            newest INTEGER NOT NULL,
            count INTEGER NOT NULL,
            keys INTEGER NOT NULL,          -- masks of what is in the records
            models INTEGER NOT NULL,
            sessions INTEGER NOT NULL,
            records BLOB NOT NULL
        );
        CREATE INDEX request_by_newest ON request (newest);

        CREATE TABLE limit_day (
            limit_id TEXT NOT NULL,
            bucket TEXT NOT NULL,
            day INTEGER NOT NULL,           -- local: 20260211; 0 for all that is before the last month
            requests INTEGER NOT NULL,
            tokens INTEGER NOT NULL,        -- without cache reads
            cached INTEGER NOT NULL,        -- cache reads
            cost INTEGER NOT NULL,
            last_used INTEGER NOT NULL,
            PRIMARY KEY (limit_id, bucket, day)
        ) WITHOUT ROWID;

        CREATE TABLE limit_block (
            limit_id TEXT NOT NULL,
            bucket TEXT NOT NULL,
            until INTEGER NOT NULL,         -- milliseconds
            PRIMARY KEY (limit_id, bucket)
        ) WITHOUT ROWID;

        CREATE TABLE limit_reset (          -- kept while the journal may have what was used before
            limit_id TEXT NOT NULL,
            bucket TEXT NOT NULL,
            kind TEXT NOT NULL,             -- empty for all
            time INTEGER NOT NULL,          -- milliseconds
            PRIMARY KEY (limit_id, bucket, kind)
        ) WITHOUT ROWID;
        """

    /// What was booked before there were places has the tags of its key, and no place. What cost nothing then had no price.
    static let placesOfOldUsage = """
        UPDATE usage_hour SET unpriced = requests
            WHERE cost = 0 AND uncached_input + cache_read + cache_write + output > 0;
        UPDATE usage_key SET unpriced = (
            SELECT \(sum("usage_hour.unpriced")) FROM usage_hour WHERE usage_hour.key_id = usage_key.key_id);
        INSERT OR IGNORE INTO place (upstream, account, rule, tags) VALUES ('', '', '', '{}');
        INSERT OR IGNORE INTO place (upstream, account, rule, tags) SELECT DISTINCT '', '', '', tags FROM key;
        INSERT INTO usage_place
            SELECT hour, key_id, model,
                coalesce(
                    (SELECT place.id FROM key JOIN place ON place.tags = key.tags AND place.upstream = '' AND place.account = ''
                        AND place.rule = '' WHERE key.id = key_id),
                    (SELECT id FROM place WHERE upstream = '' AND account = '' AND rule = '' AND tags = '{}')),
                requests, uncached_input, cache_read, cache_write, output, reasoning, cost, partial,
                unpriced
            FROM usage_hour;
        \(daysOfPlaces(placeNames.filter { !mediaColumns.contains($0) && $0 != hourColumn }))
        """

    /// Makes the sums per day, of which there are none.
    static func daysOfPlaces(_ names: [String] = placeNames) -> String {
        """
        INSERT INTO usage_place_day (day, key_id, model, place, \(names.joined(separator: ", ")))
            SELECT hour / 100, key_id, model, place, \(names.map { sum($0) }.joined(separator: ", "))
            FROM usage_place GROUP BY hour / 100, key_id, model, place;
        """
    }

    /// A policy's limits go on from what each of its keys had used before limits kept their own sums: else the upgrade would give
    /// everybody a month's budget once more. What is on no day counts in totals alone.
    static let limitsOfOldUsage = """
        INSERT OR IGNORE INTO limit_day (limit_id, bucket, day, requests, tokens, cached, cost, last_used)
            SELECT '\(UsageLimit.id(ofPolicy: ""))' || key.policy, key.id, max(usage_hour.hour, 0) / 100 AS day,
                \(sum("usage_hour.requests")),
                \(sum("usage_hour.uncached_input", "usage_hour.cache_write", "usage_hour.output")),
                \(sum("usage_hour.cache_read")), \(sum("usage_hour.cost")), coalesce(max(usage_key.last_used), 0)
            FROM usage_hour JOIN key ON key.id = usage_hour.key_id LEFT JOIN usage_key ON usage_key.key_id = key.id
            WHERE key.deleted IS NULL GROUP BY key.id, day;
        """

    /// A sum that stops at the greatest number there is.
    static func sum(_ columns: String...) -> String {
        "CAST(min(\(columns.map { "total(\($0))" }.joined(separator: " + ")), \(UsageAmounts.limit)) AS INTEGER)"
    }
}
