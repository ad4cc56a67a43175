using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates;

/// <summary>Leaves the last message open: a tag is put behind its text, and what the template writes is cut there.</summary>
internal sealed class MessageContinuation
{
    // The tag ends with a space, which shows whether the template trims.
    private const string Tag = "CONTINUE_FINAL_MESSAGE_TAG ";

    private readonly string _text;

    private MessageContinuation(string text) => _text = text;

    public static MessageContinuation Mark(List<JinjaDict> messages, string field, string source, bool addsPrompt)
    {
        if (addsPrompt)
        {
            throw Errors.Value("ContinueFinalMessage and AddGenerationPrompt exclude each other: a message that is continued has no new opening. Switch one of them off.");
        }

        JinjaDict last = messages[^1];
        if (!last.TryGet(field, out object? value) || value is null)
        {
            throw Errors.Value($"ContinueFinalMessage is set, but the final message has no \"{field}\" to continue.");
        }

        if (!source.Contains(field, StringComparison.Ordinal))
        {
            throw Errors.Value($"ContinueFinalMessage is set to \"{field}\", but the chat template does not use a field of that name.");
        }

        var marked = new JinjaDict();
        marked.SetAll(last);
        string text = value is JinjaList parts ? MarkParts(marked, field, parts) : MarkText(marked, field, value);
        messages[^1] = marked;
        return new MessageContinuation(text);
    }

    public string Cut(string rendered)
    {
        string tag = Tag.TrimEnd();
        int position = rendered.LastIndexOf(tag, StringComparison.Ordinal);
        if (position < 0 || !rendered.Contains(_text.TrimPython(), StringComparison.Ordinal))
        {
            throw Errors.Value(
                "ContinueFinalMessage is set, but the final message does not appear in the chat after the template was applied. "
                + "This happens when the template drops parts of the final message; continue another field, or switch it off.");
        }

        bool keepsSpaces = string.CompareOrdinal(rendered, position, Tag, 0, Tag.Length) == 0;
        return keepsSpaces ? rendered[..position] : rendered.AsSpan(0, position).TrimEndPython().ToString();
    }

    private static string MarkText(JinjaDict message, string field, object value)
    {
        string text = value as string ?? throw Errors.Type($"ContinueFinalMessage needs a text in \"{field}\", which is of type {TypeNames.Of(value)}.");
        bool isReasoning = MessageAliases.Reasoning.Contains(field);
        foreach (string name in isReasoning ? MessageAliases.Reasoning : [field])
        {
            // The other names of a reasoning carry the same text, and templates may print either.
            if (message.TryGet(name, out object? other) && Operators.AreEqual(other, value))
            {
                message.Set(name, text + Tag);
            }
        }

        return text;
    }

    private static string MarkParts(JinjaDict message, string field, JinjaList parts)
    {
        List<object?> marked = [.. parts.Items];
        int index = marked.FindLastIndex(p => p is JinjaDict dict && dict.Contains("text"));
        if (index < 0 || !((JinjaDict)marked[index]!).TryGet("text", out object? value) || value is not string text)
        {
            throw Errors.Value("ContinueFinalMessage is set, but the final message has no text to continue.");
        }

        var part = new JinjaDict();
        part.SetAll((JinjaDict)marked[index]!);
        part.Set("text", text + Tag);
        marked[index] = part;
        message.Set(field, new JinjaList(marked));
        return text;
    }
}
