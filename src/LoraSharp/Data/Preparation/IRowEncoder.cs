using System.Text.Json;

namespace LoraSharp.Data;

/// <summary>What preparing rows asks of a tokenizer. Rows are encoded on several threads at once.</summary>
internal interface IRowEncoder
{
    /// <summary>The text that ends a sequence; null when the tokenizer has none, and then nothing is appended.</summary>
    string? EosToken { get; }

    /// <summary>Whether there is a chat template.</summary>
    bool HasChatTemplate { get; }

    /// <summary>Whether the chat template marks what the assistant wrote.</summary>
    bool MarksAssistant { get; }

    /// <summary>Adds everything that the tokens depend on, besides the row.</summary>
    void Describe(Fingerprint fingerprint);

    /// <summary>The tokens of a text, the tokenizer's own special tokens included.</summary>
    int[] EncodeText(string text);

    /// <summary>The tokens of a rendered conversation, no special tokens added.</summary>
    /// <param name="messages">An array of objects with <c>role</c> and <c>content</c>.</param>
    /// <param name="tools">The row's tools; null for none.</param>
    /// <param name="arguments">Further variables of the template; null for none.</param>
    /// <param name="addGenerationPrompt">Whether the text ends where the assistant would begin.</param>
    /// <param name="assistantMask">Whether the tokens of the assistant are wanted.</param>
    EncodedRow EncodeChat(JsonElement messages, JsonElement? tools, JsonElement? arguments, bool addGenerationPrompt, bool assistantMask);
}
