-- Health of an McpServer in Argo CD, from its own status. It agrees with kstatus but for one case: a server that no hub selects is healthy
-- here, so that a wave of servers can come before the wave of their hubs.
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
elseif ready.reason == "NotSelected" then
  hs.status = "Healthy"
  hs.message = ready.message
elseif ready.reason == "Stopped" then
  hs.status = "Suspended"
  hs.message = ready.message
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
