-- wrk -s load.lua URL -- MODE FILE THREADS; what the modes mean stands in load.py. Each line of FILE is a form body.
local threads_made = 0
local bodies, count, mode, file, plain = {}, 0, "get", nil, nil
local current = 1
local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }

function setup(thread)
  thread:set("number", threads_made)
  threads_made = threads_made + 1
end

function init(args)
  mode = args[1]
  math.randomseed(os.time() * 100 + number)
  if mode == "get" then
    plain = wrk.format("GET")
    response = nil
    return
  end
  if mode ~= "chain" then
    response = nil -- without it wrk does not copy answers
  end
  file = assert(io.open(args[2]))
  if mode == "once" then
    return
  end
  local line_number, threads = 0, tonumber(args[3])
  for line in file:lines() do
    if line_number % threads == number then
      count = count + 1
      bodies[count] = mode == "any" and wrk.format("POST", nil, headers, line) or line
    end
    line_number = line_number + 1
  end
end

function request()
  if mode == "get" then
    return plain
  elseif mode == "any" then
    return bodies[math.random(count)]
  elseif mode == "once" then
    return wrk.format("POST", nil, headers, file:read("*l") or "the_file=ended")
  end
  current = math.random(count)
  return wrk.format("POST", nil, headers, bodies[current])
end

function response(status, answer_headers, body)
  local token = string.match(body, '"refresh_token": ?"([%w_%-]+)"')
  if token then
    bodies[current] = string.gsub(bodies[current], "refresh_token=[%w_%-]+", "refresh_token=" .. token)
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local kinds = string.format("connect %d, read %d, write %d, status %d, time-out %d",
    errors.connect, errors.read, errors.write, errors.status, errors.timeout)
  io.write(string.format('\n@{"answered":%d,"errors":%d,"kinds":"%s","seconds":%.3f,"p99_ms":%.2f}',
    summary.requests, failed, kinds, summary.duration / 1e6, latency:percentile(99) / 1e3))
end
