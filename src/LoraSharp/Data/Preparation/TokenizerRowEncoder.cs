using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using LoraSharp.Tokenization;
using LoraSharp.Tokenization.Templates;

namespace LoraSharp.Data;

/// <summary>Encodes rows with a model's tokenizer and its chat template.</summary>
internal sealed partial class TokenizerRowEncoder(Tokenizer tokenizer) : IRowEncoder
{
    private static readonly EncodeOptions WithoutSpecialTokens = new() { AddSpecialTokens = false };
    private readonly Lazy<ChatTemplate> _template = new(() => ChatTemplate.Parse(tokenizer.ChatTemplateSource!));

    public string? EosToken => tokenizer.EosToken;

    public bool HasChatTemplate => tokenizer.ChatTemplateSource is not null;

    public bool MarksAssistant => tokenizer.ChatTemplateSource is { } source && GenerationTag().IsMatch(source);

    public void Describe(Fingerprint fingerprint)
    {
        using var content = new MemoryStream();
        tokenizer.WriteTo(content);
        fingerprint.Add(content.GetBuffer().AsSpan(0, (int)content.Length));
    }

    public int[] EncodeText(string text) => [.. tokenizer.EncodeToIds(text)];

    public EncodedRow EncodeChat(JsonElement messages, JsonElement? tools, JsonElement? arguments, bool addGenerationPrompt, bool assistantMask)
    {
        RenderedChat chat = _template.Value.RenderWithSpans(new ChatTemplateRequest(JsonArray.Create(messages)!)
        {
            Tools = tools?.Deserialize<JsonNode>(),
            Variables = arguments?.Deserialize<JsonObject>(),
            AddGenerationPrompt = addGenerationPrompt,
            SpecialTokens = tokenizer.SpecialTokens,
        });

        // The template writes the special tokens itself.
        if (!assistantMask)
        {
            return new EncodedRow([.. tokenizer.EncodeToIds(chat.Text, addSpecialTokens: false)]);
        }

        TokenEncoding encoding = tokenizer.Encode(chat.Text, options: WithoutSpecialTokens);
        int[] mask = AssistantMask.Compute(chat.GenerationSpans, encoding.Offsets);
        return new EncodedRow([.. encoding.Ids]) { AssistantMask = [.. mask.Select(flag => flag != 0)] };
    }

    [GeneratedRegex(@"\{%[-+]?\s*generation\b")]
    private static partial Regex GenerationTag();
}
