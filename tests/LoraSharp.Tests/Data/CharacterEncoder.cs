using System.Text.Json;
using LoraSharp.Data;

namespace LoraSharp.Tests.Data;

/// <summary>A token per character; a chat is <c>role:content;</c> per message, the tools and arguments in front.</summary>
internal sealed class CharacterEncoder : IRowEncoder
{
    public string? EosToken { get; init; } = "$";

    public bool HasChatTemplate { get; init; } = true;

    public bool MarksAssistant { get; init; } = true;

    public void Describe(Fingerprint fingerprint) => fingerprint.Add($"characters {EosToken}");

    public int[] EncodeText(string text) => [.. text.Select(character => (int)character)];

    public EncodedRow EncodeChat(JsonElement messages, JsonElement? tools, JsonElement? arguments, bool addGenerationPrompt, bool assistantMask)
    {
        string text = $"{tools}{arguments}";
        var mask = new List<bool>(Enumerable.Repeat(false, text.Length));
        foreach (JsonElement message in messages.EnumerateArray())
        {
            string role = message.GetProperty("role").GetString()!;
            string start = role + ":";
            string content = message.GetProperty("content").GetString()! + ";";
            text += start + content;
            mask.AddRange(Enumerable.Repeat(false, start.Length));
            mask.AddRange(Enumerable.Repeat(role == "assistant", content.Length));
        }

        return new EncodedRow(EncodeText(addGenerationPrompt ? text + "assistant:" : text)) { AssistantMask = assistantMask ? [.. mask] : null };
    }

    public static string Text(IEnumerable<int> ids) => string.Concat(ids.Select(id => id == TokenizedRow.Ignored ? '_' : (char)id));
}
