using System.Text.Json.Nodes;

namespace LoraSharp;

/// <summary>A message of a conversation.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c>, <c>assistant</c>, <c>tool</c>.</param>
/// <param name="Content">What is said; null for none (a message that only calls tools).</param>
/// <param name="Extra">Further fields, such as <c>tool_calls</c> or <c>reasoning_content</c>.</param>
public sealed record ChatMessage(string Role, string? Content, JsonObject? Extra = null)
{
    /// <summary>Content in parts, such as <c>[{"type": "text", "text": "..."}]</c>; stands in for <see cref="Content"/> when it is not null.</summary>
    public JsonNode? Parts { get; init; }

    /// <summary>The message as data sets hold it: role, content, then the further fields.</summary>
    /// <returns>A new object.</returns>
    public JsonObject ToJson()
    {
        var message = new JsonObject { ["role"] = Role, ["content"] = Parts?.DeepClone() ?? (Content is null ? null : JsonValue.Create(Content)) };
        foreach ((string name, JsonNode? value) in Extra ?? [])
        {
            message[name] = value?.DeepClone();
        }

        return message;
    }
}
