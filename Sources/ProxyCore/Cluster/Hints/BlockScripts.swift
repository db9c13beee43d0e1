/// What nodes keep at the server of the blocks of buckets, so that one that starts later learns them. Time is the server's.
enum BlockScripts {
    static let key = Array("proxyd:blocks".utf8)
    /// Buckets that are kept at the server; more are each node's own.
    static let most = 10_000

    /// Keeps what is newer than what is there. Gives `{1, stamp}`, `{0, stored}` or `{-1, ''}` where there are too many.
    ///
    /// Arguments: field, when it was done (empty: now), until, title, the most there may be.
    static let put = LimitScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local stamp = tonumber(ARGV[2]) or now
        if stamp > now then stamp = now end
        local old = redis.call('HGET', KEYS[1], ARGV[1])
        local at = old and tonumber(string.match(old, '^(%d+) '))
        if at and at >= stamp then return {0, old} end
        if not old and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then return {-1, ''} end
        local text = string.format('%.0f', stamp)
        redis.call('HSET', KEYS[1], ARGV[1], text .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
        return {1, text}
        """)

    /// All that are kept, `{now, field, value, …}`; what ended a week ago is forgotten.
    static let all = LimitScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local all = redis.call('HGETALL', KEYS[1])
        local reply = {string.format('%.0f', now)}
        for i = 1, #all, 2 do
          local at, till = string.match(all[i + 1], '^(%d+) (%d+) ')
          local last = at and math.max(tonumber(at), tonumber(till))
          if not last or last < now - 604800000 then
            redis.call('HDEL', KEYS[1], all[i])
          else
            reply[#reply + 1] = all[i]
            reply[#reply + 1] = all[i + 1]
          end
        end
        return reply
        """)
}
