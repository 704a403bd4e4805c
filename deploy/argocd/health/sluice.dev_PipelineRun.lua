-- A PipelineRun is healthy when it has succeeded, and degraded when it has failed or was aborted. Its generation is of no
-- interest: nothing of a run ever changes but the list of what people ask of it, and that changes no result.
local status = obj.status or {}
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Succeeded" and condition.status == "True" then
    return {status = "Healthy", message = condition.message}
  elseif condition.type == "Succeeded" and condition.status == "False" then
    return {status = "Degraded", message = condition.reason .. ": " .. condition.message}
  end
end
local message = status.message or "the controller has not started it yet"
if status.waitingOn ~= nil then
  message = "waits for " .. status.waitingOn.kind .. " " .. status.waitingOn.key
end
return {status = "Progressing", message = message}
