/// The server's part of leases, in Lua. It runs for all of a batch at once, by the server's clock.
///
/// A bucket is one value of the server, packed: sums of days, months and all time (`s`), seconds of the last minute (`m`), and for
/// each node (`n`) what it has told since a reset (`w`) and before it (`r`, until it tells of itself again), what it holds and until
/// when, its state directory (`s`) and the process that this one took it over from by that (`o`); `e` is what of the sums was told by
/// nodes that had heard of it, and not yet by those who used it; `z` and `y` are when the server heard of the last reset of kinds, and of
/// single windows of them, `v` when that was. `LeaseServerModel` of the tests is the same in Swift.
enum LeaseScript {
    /// KEYS: who is there, then one for each bucket. ARGV: node, process, state directory or nothing, `lasts share day month expected
    /// told`, then one for each bucket.
    /// Answers: time, memory, nodes, learning, then for each bucket a list, empty where the message was an old one.
    static let exchange = """
        local clock = redis.call('TIME')
        local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
        local second = math.floor(now / 1000)
        local node, process, directory = ARGV[1], ARGV[2], ARGV[3]
        local header = {}
        for number in string.gmatch(ARGV[4], '%S+') do header[#header + 1] = tonumber(number) end
        local lasts, share, day, month, expected, heard = header[1], header[2], header[3], header[4], header[5], header[6]

        local function read(key)
          local text = redis.call('GET', key)
          if not text then return nil end
          local ok, value = pcall(cmsgpack.unpack, text)
          if ok and type(value) == 'table' then return value end
          return nil
        end

        local beat = read(KEYS[1])
        if not beat or not beat.id then
          beat = {id = clock[1] * 1000000 + clock[2], began = now, last = now, from = 0, till = 0, expected = 0}
          beat.seen, beat.told = {}, {}
        end
        if math.abs(now - beat.last) > lasts / 2 then
          beat.from = beat.last
          beat.till = now
        end
        beat.last = now
        beat.seen[node] = now
        if heard == beat.id then
          beat.told[node] = now
        elseif expected > beat.expected then
          beat.expected = expected
        end
        local nodes, complete = 0, 0
        for name, time in pairs(beat.seen) do
          if time > now + 1000 or now - time > 3600000 then
            beat.seen[name] = nil
            beat.told[name] = nil
          elseif now - time <= 5000 then
            nodes = nodes + 1
            if beat.told[name] then complete = complete + 1 end
          end
        end
        redis.call('SET', KEYS[1], cmsgpack.pack(beat), 'PX', 86400000)
        local learning = now - beat.began < 1500 and complete < beat.expected

        local function alive(entry)
          if not entry.x or entry.x == 0 then return false end
          if entry.x > now and entry.x - now <= (entry.l or lasts) then return true end
          return beat.till > 0 and entry.x > beat.from and now < beat.till + lasts
        end

        local function window(bucket, kind, place)
          if place == 4 then return 0 end
          if place == 0 then
            local sum = 0
            for _, amount in pairs(bucket.m[kind] or {}) do sum = sum + amount end
            return sum
          end
          return (bucket.s[kind] or {0, 0, 0})[place]
        end

        local function add(bucket, kind, entry, changes, minute)
          local sums = bucket.s[kind] or {0, 0, 0}
          local told = entry.w[kind] or {0, 0, 0}
          for place = 1, 3 do
            sums[place] = math.max(0, sums[place] + changes[place])
            told[place] = math.max(0, told[place] + changes[place])
          end
          bucket.s[kind] = sums
          entry.w[kind] = told
          local slots = bucket.m[kind] or {}
          if minute > 0 then
            slots[second] = (slots[second] or 0) + minute
          elseif minute < 0 then
            local rest, seconds = -minute, {}
            for time in pairs(slots) do seconds[#seconds + 1] = time end
            table.sort(seconds)
            for _, time in ipairs(seconds) do
              local taken = math.min(rest, slots[time])
              slots[time] = slots[time] - taken
              rest = rest - taken
            end
          end
          bucket.m[kind] = slots
        end

        -- Who tells of a bucket for the first time may be whom others have heard of: what they told counts once.
        local function begin(bucket, kind, entry, changes, minute)
          local extra = bucket.e and bucket.e[kind]
          if not extra then return add(bucket, kind, entry, changes, minute) end
          if second - extra[5] > 60 then extra[1] = 0 end
          for place = 1, 3 do
            local known = math.min(extra[place + 1], changes[place])
            extra[place + 1] = extra[place + 1] - known
            bucket.s[kind][place] = math.max(0, bucket.s[kind][place] - known)
          end
          local known = math.min(extra[1], minute)
          extra[1] = extra[1] - known
          add(bucket, kind, entry, changes, minute - known)
        end

        -- All that a node knows to be used: what is missing is somebody's who has not told it.
        local function claim(bucket, kind, own, heard)
          if heard[1] + heard[2] + heard[3] + heard[4] == 0 then return end
          bucket.e = bucket.e or {}
          local extra = bucket.e[kind] or {0, 0, 0, 0, second}
          if second - extra[5] > 60 then extra[1] = 0 end
          local sums = bucket.s[kind]
          for place = 1, 3 do
            local isNow = place == 3 or place == 1 and day == bucket.d or place == 2 and month == bucket.o
            local missing = isNow and math.max(0, own[place + 1] + heard[place + 1] - sums[place]) or 0
            sums[place] = sums[place] + missing
            extra[place + 1] = extra[place + 1] + missing
          end
          local missing = math.max(0, own[1] + heard[1] - window(bucket, kind, 0))
          if missing > 0 then
            local slots = bucket.m[kind]
            slots[second] = (slots[second] or 0) + missing
            extra[1], extra[5] = extra[1] + missing, second
          end
          bucket.e[kind] = extra
        end

        -- A node is its state directory: what was told by another name counts on, and of whom had this name before it is kept apart.
        local function entry_of(bucket)
          local entry = bucket.n[node]
          if entry and entry.s and directory ~= '' and entry.s ~= directory then
            bucket.n['~' .. entry.s] = entry
            bucket.n[node] = nil
            entry = nil
          end
          if entry then return entry end
          local former, before = nil, nil
          for name, other in pairs(bucket.n) do
            if string.sub(other.i, 1, #process + 1) == process .. ':' then
              former = name
            elseif directory ~= '' and other.s == directory and other.o ~= process then
              before = name
            end
          end
          entry = bucket.n[former or before or '']
          if not entry then return nil end
          -- Where that one lives all the same, it is a copy's: it does not get the entry back.
          if not former then entry.o = string.gsub(entry.i, ':%d+$', '') end
          bucket.n[former or before] = nil
          return entry
        end

        local function knows(bucket, kind, place, known)
          return known >= math.max(bucket.z[kind], ((bucket.y or {})[kind] or {})[place + 1] or 0)
        end

        -- What is told may be of before a reset that the teller has not heard of: by the last one that it knows, or by its last use.
        local function is_void(bucket, kind, place, known, used)
          if known >= 0 then return not knows(bucket, kind, place, known) end
          return (((bucket.v or {})[kind] or {})[place + 1] or 0) > used
        end

        local answers = {now, beat.id, nodes, learning and 1 or 0}
        for index = 2, #KEYS do
          local numbers, at = {}, 0
          for number in string.gmatch(ARGV[index + 3], '%S+') do numbers[#numbers + 1] = tonumber(number) end
          local function take() at = at + 1; return numbers[at] end
          local birth, sequence, known, unused, count = take(), take(), take(), take(), take()
          local teller = process .. ':' .. birth
          local bucket = read(KEYS[index])
          if not bucket or not bucket.n then bucket = {d = 0, o = 0, s = {}, m = {}, n = {}, z = {0, 0, 0}} end
          if day > bucket.d and day <= now then
            bucket.d = day
            for _, sums in pairs(bucket.s) do sums[1] = 0 end
            for _, entry in pairs(bucket.n) do
              for _, told in pairs(entry.w) do told[1] = 0 end
              for _, told in pairs(entry.r or {}) do told[1] = 0 end
            end
            for _, extra in pairs(bucket.e or {}) do extra[2] = 0 end
          end
          if month > bucket.o and month <= now then
            bucket.o = month
            for _, sums in pairs(bucket.s) do sums[2] = 0 end
            for _, entry in pairs(bucket.n) do
              for _, told in pairs(entry.w) do told[2] = 0 end
              for _, told in pairs(entry.r or {}) do told[2] = 0 end
            end
            for _, extra in pairs(bucket.e or {}) do extra[3] = 0 end
          end
          for _, slots in pairs(bucket.m) do
            local ahead = 0
            for time, amount in pairs(slots) do
              if amount <= 0 or second - time > 60 then
                slots[time] = nil
              elseif time > second then
                slots[time] = nil
                ahead = ahead + amount
              end
            end
            if ahead > 0 then slots[second] = (slots[second] or 0) + ahead end
          end
          local entry = entry_of(bucket)
          local isNew = not entry
          if isNew then entry = {i = '', q = 0, c = {}, w = {}, h = {}, x = 0} end
          if entry.i == teller and sequence <= entry.q then
            answers[#answers + 1] = {}
          else
            bucket.n[node] = entry
            if directory ~= '' then entry.s = directory end
            local isSame = entry.i == teller
            if not isSame then entry.c = {} end
            local mine = isSame and alive(entry)
            local heard_of = not isSame and not isNew and entry.t or 0
            entry.i, entry.q, entry.t = teller, sequence, now
            local size = 0
            for name, other in pairs(bucket.n) do
              size = size + 1
              if name ~= node and not alive(other) then
                other.h = {}
                other.x = 0
                if now - (other.t or 0) > 3456000000 then bucket.n[name] = nil end
              end
            end
            if size > 512 then
              local oldest, since = nil, now
              for name, other in pairs(bucket.n) do
                if name ~= node and (other.x or 0) == 0 and (other.t or 0) < since then oldest, since = name, other.t or 0 end
              end
              if oldest then bucket.n[oldest] = nil end
            end
            local answer = {sequence, bucket.z[1], bucket.z[2], bucket.z[3]}
            local longest = 180000
            for _ = 1, count do
              local kind, spent = take() + 1, take()
              local own = {take(), take(), take(), take()}
              local heard = {take(), take(), take(), take()}
              local reserved, kept, part = take(), take(), take()
              local need, least, wants, rates = take(), take(), take(), take()
              local missed = 0
              if kind < 4 then
                local before = entry.c[kind]
                for place = 0, 3 do
                  if own[place + 1] + heard[place + 1] > 0 and is_void(bucket, kind, place, known, now - unused) then
                    heard[place + 1] = 0
                    if isNew then own[place + 1] = 0 end
                    if isNew and known < 0 then missed = math.max(1, now - unused) end
                  end
                end
                if before then
                  local change = spent - before
                  add(bucket, kind, entry, {change, change, change}, change > 0 and math.min(change, own[1]) or change)
                else
                  local told, changes = entry.w[kind] or {0, 0, 0}, {}
                  -- A reset that the process before has not heard of: what it told before is known here still.
                  local gone = entry.r and entry.r[kind] or {0, 0, 0}
                  for place = 1, 3 do
                    if knows(bucket, kind, place, known) then gone[place] = 0 end
                    changes[place] = math.max(0, own[place + 1] - told[place] - gone[place])
                  end
                  if isNew then
                    begin(bucket, kind, entry, changes, own[1])
                  else
                    add(bucket, kind, entry, changes, math.min(own[1], changes[3]))
                  end
                  for place = 1, 3 do
                    if gone[place] > 0 then entry.w[kind][place] = 0 end
                  end
                end
                entry.c[kind] = spent
                claim(bucket, kind, own, heard)
              end
              local others = 0
              for name, other in pairs(bucket.n) do
                if name ~= node then others = others + (other.h[kind] or 0) end
              end
              local left, minute = nil, nil
              for _ = 1, rates do
                local place, most = take(), take()
                local rest = most - window(bucket, kind, place) - others - reserved
                if not left or rest < left then left = rest end
                if place == 0 then minute = most - others - reserved end
                if place == 1 then longest = math.max(longest, 180000000) end
                if place == 2 or place == 3 then longest = 3456000000 end
              end
              left = left or 0
              local held = mine and kept or 0
              local free = math.max(left, 0)
              if learning then held = math.max(held, math.min(part, free)) end
              local wanted = held
              if not learning and (wants == 1 or need > 0) then
                -- Of what is too little to be shared nobody holds more than he needs.
                wanted = math.max(held, need, math.floor(free * share / 1000000))
                if wanted > free then wanted = (need > 0 and least > free) and held or math.max(held, free) end
              end
              local wait = 0
              if least > wanted and minute and least <= minute then
                local slots, seconds = bucket.m[kind] or {}, {}
                local sum = window(bucket, kind, 0)
                for time in pairs(slots) do seconds[#seconds + 1] = time end
                table.sort(seconds)
                for _, time in ipairs(seconds) do
                  if sum + least <= minute then break end
                  sum = sum - slots[time]
                  wait = math.max(1, (time + 61) * 1000 - now)
                end
              end
              entry.h[kind] = reserved + wanted
              local told = {kind - 1, reserved + wanted, others, math.max(0, left - wanted)}
              for place = 0, 3 do told[#told + 1] = window(bucket, kind, place) end
              told[#told + 1] = wait
              for place = 1, 4 do told[#told + 1] = ((bucket.y or {})[kind] or {})[place] or 0 end
              told[#told + 1] = math.max(heard_of, missed)
              local newest = 0
              for time, amount in pairs(bucket.m[kind] or {}) do
                if amount > 0 and time > newest then newest = time end
              end
              told[#told + 1] = newest > 0 and math.max(0, (newest + 61) * 1000 - now) or 0
              answer[#answer + 1] = told
            end
            entry.x, entry.l, entry.r = now + lasts, lasts, nil
            redis.call('SET', KEYS[index], cmsgpack.pack(bucket), 'PX', longest)
            answers[#answers + 1] = answer
          end
        end
        return answers
        """

    /// KEYS: the bucket. ARGV: the window, minute, day, month and total being 0 to 3, and -1 all of them; how many milliseconds ago; then
    /// the kinds, 1 to 3. A bucket that is not there is made: nodes may tell of it later what they had used before. Answers: by when a
    /// node knows of it.
    static let reset = """
        local clock = redis.call('TIME')
        local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
        local ok, bucket = false, nil
        local text = redis.call('GET', KEYS[1])
        if text then ok, bucket = pcall(cmsgpack.unpack, text) end
        if not ok or type(bucket) ~= 'table' or not bucket.n then bucket = {d = 0, o = 0, s = {}, m = {}, n = {}, z = {0, 0, 0}} end
        bucket.v = bucket.v or {}
        local only, at, latest = tonumber(ARGV[1]), now - tonumber(ARGV[2]), 0
        for index = 3, #ARGV do
          local kind = tonumber(ARGV[index])
          local extra = bucket.e and bucket.e[kind]
          local made = bucket.v[kind] or {0, 0, 0, 0}
          bucket.v[kind] = made
          for place = 0, 3 do
            if only == -1 or only == place then
              made[place + 1] = math.max(at, made[place + 1])
              if extra then extra[place + 1] = 0 end
              if place == 0 then
                bucket.m[kind] = {}
              else
                if bucket.s[kind] then bucket.s[kind][place] = 0 end
                for _, entry in pairs(bucket.n) do
                  local told = entry.w[kind]
                  if told then
                    entry.r = entry.r or {}
                    entry.r[kind] = entry.r[kind] or {0, 0, 0}
                    entry.r[kind][place] = entry.r[kind][place] + told[place]
                    told[place] = 0
                  end
                end
              end
            end
          end
          if only == -1 then
            bucket.z[kind] = math.max(now, bucket.z[kind] + 1)
            latest = math.max(latest, bucket.z[kind])
          else
            bucket.y = bucket.y or {}
            local times = bucket.y[kind] or {0, 0, 0, 0}
            times[only + 1] = math.max(now, times[only + 1] + 1)
            bucket.y[kind] = times
            latest = math.max(latest, times[only + 1])
          end
        end
        local left = redis.call('PTTL', KEYS[1])
        redis.call('SET', KEYS[1], cmsgpack.pack(bucket), 'PX', left > 0 and left or 3456000000)
        return latest
        """
}
