-- Measures the operations of the Go benchmarks that Lua has: its coroutines.
--
-- lua bench.lua SECONDS [NAME...]: prints, for each operation, its name, a tab, and nanoseconds an operation.

local names, operations = {}, {}

-- The function does so many operations.
local function operation(name, f)
	names[#names + 1] = name
	operations[name] = f
end

local function totals()
	local total = 0
	while true do
		total = total + coroutine.yield(total)
	end
end

local function through(depth)
	if depth == 0 then
		totals()
	end
	through(depth - 1)
	return 0 -- so that it is no tail call
end

local function sends(depth)
	return function(n)
		local co = coroutine.create(through)
		local resume = coroutine.resume
		resume(co, depth)
		for _ = 1, n do
			resume(co, 1)
		end
	end
end

operation("Generator: Send", sends(0))
operation("Generator: yield through 100 calls", sends(100))

operation("Generator: create, Next, Close", function(n)
	for _ = 1, n do
		local co = coroutine.create(totals)
		coroutine.resume(co)
		coroutine.close(co)
	end
end)

local function took(f, n)
	local start = os.clock()
	f(n)
	return os.clock() - start
end

local target, wanted = tonumber(arg[1]), {}
for i = 2, #arg do
	wanted[arg[i]] = true
end
for _, name in ipairs(names) do
	if #arg == 1 or wanted[name] then
		local f, n = operations[name], 1
		local seconds = took(f, n)
		while seconds < target / 2 and n < 1e9 do
			n = n * math.min(10, math.max(2, math.ceil(target / math.max(seconds, 1e-9))))
			seconds = took(f, n)
		end
		print(string.format("%s\t%.6g", name, seconds / n * 1e9))
	end
end
