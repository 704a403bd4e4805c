-- A Receiver is healthy when the server has judged this version of it and takes requests for it. Without a server it stays
-- progressing.
local health = {status = "Progressing", message = "no `sluice server` has judged this version yet"}
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end
for _, condition in ipairs(obj.status.conditions or {}) do
  if condition.type == "Ready" and condition.status == "True" then
    return {status = "Healthy", message = condition.message}
  elseif condition.type == "Ready" and condition.status == "False" then
    return {status = "Degraded", message = condition.message}
  end
end
return health
