-- A ComponentUpdate is healthy when it is recorded and, where that starts a run, the run has succeeded. Nothing of it ever changes,
-- so its generation is of no interest.
local health = {status = "Progressing", message = "the controller has not recorded it yet"}
for _, condition in ipairs((obj.status or {}).conditions or {}) do
  if condition.type == "Recorded" or condition.type == "Deployed" then
    local message = condition.reason .. ": " .. condition.message
    if condition.status == "False" then
      return {status = "Degraded", message = message}
    elseif condition.status == "Unknown" then
      return {status = "Progressing", message = message}
    elseif health.status == "Progressing" or condition.type == "Deployed" then
      health = {status = "Healthy", message = message}
    end
  end
end
return health
