using System.Text.Json.Nodes;

namespace LoraSharp.Tokenization.Templates;

/// <summary>What a chat template is rendered with.</summary>
public sealed record ChatTemplateRequest
{
    /// <summary>A request for messages.</summary>
    /// <param name="messages">The conversation, not empty.</param>
    public ChatTemplateRequest(IEnumerable<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        Messages = [.. messages.Select(m => m.ToJson())];
    }

    /// <summary>A request for messages as data sets hold them.</summary>
    /// <param name="messages">Objects with <c>role</c>, <c>content</c> and further fields; not empty.</param>
    public ChatTemplateRequest(IEnumerable<JsonNode?> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        Messages = [.. messages];
    }

    /// <summary>The conversation. Fields of a message that are null count as missing.</summary>
    public IReadOnlyList<JsonNode?> Messages { get; }

    /// <summary>The schemas of the tools that the model may call; null (none) by default.</summary>
    public JsonNode? Tools { get; init; }

    /// <summary>Documents for retrieval, objects with <c>title</c> and <c>text</c>; null (none) by default.</summary>
    public JsonNode? Documents { get; init; }

    /// <summary>Whether the opening of the assistant's answer is added. Default false.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>Whether the last message is left open. Default off; not together with <see cref="AddGenerationPrompt"/>.</summary>
    public ContinueFinalMessage ContinueFinalMessage { get; init; }

    /// <summary>The tokenizer's special tokens by name (<c>bos_token</c>, <c>eos_token</c>, ...), which templates print. Default none: then they are undefined.</summary>
    public IReadOnlyDictionary<string, string> SpecialTokens { get; init; } = new Dictionary<string, string>();

    /// <summary>Further variables (<c>enable_thinking</c>, ...); they win over <see cref="SpecialTokens"/>. Default none.</summary>
    public JsonObject? Variables { get; init; }

    /// <summary>The clock behind <c>strftime_now</c>. Default the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
