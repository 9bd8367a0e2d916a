/** Runs a script of Argo CD as Argo CD does: the object is the global `obj`, the answer is what the script returns. */
import { execFileSync } from 'node:child_process';

/** Answers come back as JSON. A table with a first element, or the empty one where a list went in, is a list. */
const encoder = `
local function encode(value)
  if type(value) == "table" then
    local parts = {}
    if #value > 0 then
      for _, each in ipairs(value) do parts[#parts + 1] = encode(each) end
      return "[" .. table.concat(parts, ",") .. "]"
    end
    for key, each in pairs(value) do parts[#parts + 1] = encode(tostring(key)) .. ":" .. encode(each) end
    return "{" .. table.concat(parts, ",") .. "}"
  end
  if type(value) == "string" then
    return '"' .. value:gsub('[%c"\\\\]', function(c) return string.format("\\\\u%04x", c:byte()) end) .. '"'
  end
  return tostring(value)
end
package.loaded.os = os
`;

export function runLua(script: string, object: unknown): unknown {
  const program = `${encoder}\nobj = ${literal(object)}\nio.write(encode((function()\n${script}\nend)()))`;
  const output = execFileSync('lua5.1', ['-'], { input: program, encoding: 'utf8' });
  return JSON.parse(output);
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(literal).join(', ')}}`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, each]) => `[${quoted(key)}] = ${literal(each)}`)
      .join(', ')}}`;
  return typeof value === 'string' ? quoted(value) : value === null ? 'nil' : String(value);
}

/** Bytes by number: nothing in a text can end the quotes. */
function quoted(text: string): string {
  return `"${[...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;
}
