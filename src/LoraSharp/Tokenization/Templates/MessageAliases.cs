using System.Text.Json.Nodes;
using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates;

/// <summary>What happens to a message before a template sees it.</summary>
internal static class MessageAliases
{
    /// <summary>The names under which data sets keep an assistant's reasoning, the preferred one first.</summary>
    public static readonly string[] Reasoning = ["reasoning_content", "thinking", "reasoning"];

    /// <summary>Fields that are null are dropped, and reasoning gets the names that templates look for.</summary>
    public static JinjaDict Prepare(JsonNode? message)
    {
        if (message is not JsonObject fields)
        {
            throw Errors.Type($"A message has to be an object with a role and content, not {(message is null ? "null" : message.GetValueKind().ToString())}.");
        }

        var given = fields.Where(f => f.Value is not null).Select(f => KeyValuePair.Create<string, object?>(f.Key, JsonValues.From(f.Value))).ToList();
        string? source = Reasoning.FirstOrDefault(name => given.Exists(f => f.Key == name));
        if (source is null)
        {
            return JinjaDict.Of(given);
        }

        object? reasoning = given.Find(f => f.Key == source).Value;
        if (!given.Exists(f => f.Key == "thinking"))
        {
            given.Insert(0, KeyValuePair.Create("thinking", reasoning));
        }

        if (source != "reasoning_content")
        {
            given.Add(KeyValuePair.Create("reasoning_content", reasoning));
        }

        return JinjaDict.Of(given);
    }
}
