using System.Text.Json;

namespace LoraSharp.Data;

/// <summary>Encodes rows with a model's tokenizer.</summary>
internal sealed class TokenizerRowEncoder(Tokenizer tokenizer) : IRowEncoder
{
    public string? EosToken => tokenizer.EosToken;

    public bool MarksAssistant => false;

    public int[] EncodeText(string text) => [.. tokenizer.EncodeToIds(text)];

    public EncodedRow EncodeChat(JsonElement messages, JsonElement? tools, JsonElement? arguments, bool addGenerationPrompt, bool assistantMask) =>
        throw new NotSupportedException("Chat templates are not supported yet.");
}
