using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Tokenization;

/// <summary>The JSON of components, for pipelines that are not read from tokenizer.json.</summary>
internal static class PipelineJson
{
    public static JsonObject Of(string type, params (string Name, JsonNode? Value)[] fields)
    {
        var json = new JsonObject { ["type"] = type };
        foreach ((string name, JsonNode? value) in fields)
        {
            json[name] = value;
        }

        return json;
    }

    public static JsonObject Sequence(string listName, IEnumerable<JsonNode> parts) => Of("Sequence", (listName, new JsonArray([.. parts])));

    public static JsonObject Replace(string literal, string content) =>
        Of("Replace", ("pattern", new JsonObject { ["String"] = literal }), ("content", content));

    public static JsonObject ReplaceRegex(string regex, string content) =>
        Of("Replace", ("pattern", new JsonObject { ["Regex"] = regex }), ("content", content));

    public static JsonObject ByteLevel(bool addPrefixSpace, bool trimOffsets, bool useRegex) =>
        Of("ByteLevel", ("add_prefix_space", addPrefixSpace), ("trim_offsets", trimOffsets), ("use_regex", useRegex));

    public static JsonObject SplitAt(string regex) =>
        Of("Split", ("pattern", new JsonObject { ["Regex"] = regex }), ("behavior", "Isolated"), ("invert", false));

    /// <summary>BOS and EOS around a text, and around each of a pair (the second one's with type id 1).</summary>
    public static JsonObject BosEos((string Token, int Id)? bos, (string Token, int Id)? eos)
    {
        (string Token, int Id)[] known = [.. new[] { bos, eos }.OfType<(string, int)>()];
        string[] first = [.. Special(bos, 0), "$A:0", .. Special(eos, 0)];
        return Template(first, [.. first, .. Special(bos, 1), "$B:1", .. Special(eos, 1)], known);

        static string[] Special((string Token, int Id)? token, int typeId) => token is null ? [] : [$"{token.Value.Token}:{typeId}"];
    }

    /// <summary>
    /// A template in the short notation of transformers: <c>$A:0</c> and <c>$B:1</c> for the texts, <c>token:0</c> for special tokens, with their
    /// type ids.
    /// </summary>
    public static JsonObject Template(string[] single, string[] pair, IEnumerable<(string Token, int Id)> tokens)
    {
        var special = new JsonObject();
        foreach ((string token, int id) in tokens)
        {
            special[token] = new JsonObject { ["id"] = token, ["ids"] = new JsonArray(id), ["tokens"] = new JsonArray(token) };
        }

        return Of("TemplateProcessing", ("single", Parts(single)), ("pair", Parts(pair)), ("special_tokens", special));

        static JsonArray Parts(string[] template)
        {
            var parts = new JsonArray();
            foreach (string part in template)
            {
                int colon = part.LastIndexOf(':');
                string name = part[..colon];
                bool isText = name is "$A" or "$B";
                var body = new JsonObject { ["id"] = isText ? name[1..] : name, ["type_id"] = part[colon + 1] - '0' };
                parts.Add(new JsonObject { [isText ? "Sequence" : "SpecialToken"] = body });
            }

            return parts;
        }
    }

    public static string Text(JsonNode json) =>
        json.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
