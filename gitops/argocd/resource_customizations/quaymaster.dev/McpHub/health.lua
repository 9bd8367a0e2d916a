-- Health of an McpHub in Argo CD, from its own status, which counts in the state of its servers. A hub that serves while some of its servers do
-- not is healthy, and its message says which: whoever wants more sets lifecycle.required on a server.
local hs = {}
local status = obj.status or {}
local generation = obj.metadata.generation or 0

if status.conditions == nil or (status.observedGeneration or 0) < generation then
  hs.status = "Progressing"
  hs.message = "Waiting for the operator"
  return hs
end

local condition = {}
for _, each in ipairs(status.conditions) do
  condition[each.type] = each
end
local function holds(kind)
  return condition[kind] ~= nil and condition[kind].status == "True"
end
local ready = condition.Ready or { status = "Unknown", reason = "", message = "" }

if holds("Stalled") then
  hs.status = "Degraded"
  hs.message = condition.Stalled.message
elseif holds("Reconciling") then
  hs.status = "Progressing"
  hs.message = condition.Reconciling.message
elseif ready.status == "True" then
  hs.status = "Healthy"
  hs.message = holds("Degraded") and condition.Degraded.message or ready.message
elseif holds("Degraded") then
  hs.status = "Degraded"
  hs.message = ready.message
else
  hs.status = "Progressing"
  hs.message = ready.message
end
return hs
