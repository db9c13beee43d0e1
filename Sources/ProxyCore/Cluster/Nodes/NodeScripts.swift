/// What nodes do at the server of limits to know of one another. Time is the server's.
enum NodeScripts {
    static let key = Array("proxyd:nodes".utf8)

    /// Heartbeat, unless another instance with the name lives. Gives `{1, now, name, stored, …}` or `{0, now, stored}`.
    ///
    /// Arguments: name, instance, record, how long a node without heartbeat lives, whether to take the name all the same, how long
    /// one that is gone is remembered; times in milliseconds.
    static let beat = LimitScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local stamp = string.format('%.0f', now)
        local old = redis.call('HGET', KEYS[1], ARGV[1])
        if old then
          local at, instance = string.match(old, '^(%d+) (%S+) ')
          if at and instance ~= ARGV[2] and ARGV[5] ~= '1' and math.abs(now - tonumber(at)) < tonumber(ARGV[4]) then
            return {0, stamp, old}
          end
        end
        redis.call('HSET', KEYS[1], ARGV[1], stamp .. ' ' .. ARGV[2] .. ' ' .. ARGV[3])
        redis.call('PEXPIRE', KEYS[1], ARGV[6])
        local all = redis.call('HGETALL', KEYS[1])
        local reply = {1, stamp}
        for i = 1, #all, 2 do
          local at = string.match(all[i + 1], '^(%d+) ')
          if not at or math.abs(now - tonumber(at)) > tonumber(ARGV[6]) then
            redis.call('HDEL', KEYS[1], all[i])
          elseif #reply < 4000 then
            reply[#reply + 1] = all[i]
            reply[#reply + 1] = all[i + 1]
          end
        end
        return reply
        """)

    /// A node goes, and says so. Arguments: name, instance.
    static let leave = LimitScript(
        """
        local old = redis.call('HGET', KEYS[1], ARGV[1])
        if old and string.match(old, '^%d+ (%S+) ') == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end
        return 0
        """)
}
