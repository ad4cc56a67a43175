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

    public static JsonObject Replace(string literal, string content) => Of("Replace", ("pattern", new JsonObject { ["String"] = literal }), ("content", content));

    public static JsonObject ReplaceRegex(string regex, string content) => Of("Replace", ("pattern", new JsonObject { ["Regex"] = regex }), ("content", content));

    public static JsonObject ByteLevel(bool addPrefixSpace, bool trimOffsets, bool useRegex) =>
        Of("ByteLevel", ("add_prefix_space", addPrefixSpace), ("trim_offsets", trimOffsets), ("use_regex", useRegex));

    public static JsonObject SplitAt(string regex) =>
        Of("Split", ("pattern", new JsonObject { ["Regex"] = regex }), ("behavior", "Isolated"), ("invert", false));

    /// <summary>BOS and EOS around a text, and around each of a pair (the second one's with type id 1).</summary>
    public static JsonObject BosEos((string Token, int Id)? bos, (string Token, int Id)? eos)
    {
        var single = new JsonArray();
        var pair = new JsonArray();
        foreach ((JsonArray template, int sequences) in new[] { (single, 1), (pair, 2) })
        {
            for (int i = 0; i < sequences; i++)
            {
                if (bos is { } begin)
                {
                    template.Add(Special(begin.Token, i));
                }

                template.Add(new JsonObject { ["Sequence"] = new JsonObject { ["id"] = i == 0 ? "A" : "B", ["type_id"] = i } });
                if (eos is { } end)
                {
                    template.Add(Special(end.Token, i));
                }
            }
        }

        var tokens = new JsonObject();
        foreach ((string Token, int Id)? token in new[] { bos, eos })
        {
            if (token is { } known)
            {
                tokens[known.Token] = new JsonObject { ["id"] = known.Token, ["ids"] = new JsonArray(known.Id), ["tokens"] = new JsonArray(known.Token) };
            }
        }

        return Of("TemplateProcessing", ("single", single), ("pair", pair), ("special_tokens", tokens));
    }

    public static string Text(JsonNode json) => json.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private static JsonObject Special(string token, int typeId) => new() { ["SpecialToken"] = new JsonObject { ["id"] = token, ["type_id"] = typeId } };
}
