-- The request of the measurement, for wrk: a call of com.example.<name>2 over the HTTP bridge.
--
--   wrk ... -s call.lua http://HOST:PORT/call -- add
--
-- Each request has a unique number in ?seq=. After wrk's own report comes one line of
-- JSON (times in microseconds) for the program that started wrk.

-- Far enough apart that two threads never use the same number.
local numbers_per_thread = 100000000

local threads = 0

function setup(thread)
   thread:set("seq", threads * numbers_per_thread)
   threads = threads + 1
end

function init(args)
   local body = string.format(
      '{"procedure":"com.example.%s2","args":[13,3],"kwargs":{"verbose":false}}', args[1])
   local headers = { ["Content-Type"] = "application/json", ["Host"] = wrk.headers["Host"] }
   local whole = wrk.format("POST", wrk.path .. "?seq=@", headers, body)
   before, after = whole:match("^(.-)@(.*)$")
end

function request()
   seq = seq + 1
   return before .. seq .. after
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"bytes":%d,"duration_us":%d,'
      .. '"errors":{"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d},'
      .. '"min_us":%d,"p50_us":%d,"p75_us":%d,"p90_us":%d,"p99_us":%d,"p99_9_us":%d,"max_us":%d}\n',
      summary.requests, summary.bytes, summary.duration,
      errors.status, errors.connect, errors.read, errors.write, errors.timeout,
      latency.min, latency:percentile(50), latency:percentile(75), latency:percentile(90),
      latency:percentile(99), latency:percentile(99.9), latency.max))
end
