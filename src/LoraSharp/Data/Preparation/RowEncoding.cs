using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Data;

/// <summary>Makes tokens and masks of one row.</summary>
internal sealed class RowEncoding(RowForm form, IRowEncoder encoder, PreparationOptions options)
{
    /// <summary>Encodes a row.</summary>
    /// <exception cref="InvalidDataException">The row has another form than the first one, or no token of the assistant although only those are learned.</exception>
    public EncodedRow Encode(DataRow row)
    {
        EncodedRow encoded = form switch
        {
            RowForm.Tokenized => Tokenized(row),
            RowForm.Text => new EncodedRow(encoder.EncodeText(WithEos(Text(row, options.TextColumn)))),
            RowForm.PromptCompletion => Pair(row),
            RowForm.Chat => Chat(row, row.Has(RowForms.Conversations) ? RowForms.Conversations : RowForms.Messages),
            RowForm.ChatPromptCompletion => ChatPair(row),
            _ => throw new InvalidOperationException($"The row form {form} is not known."),
        };

        return options.AssistantOnlyLoss && encoded.AssistantMask?.Contains(true) != true
            ? throw new InvalidDataException(
                "Only the assistant's words are to be learned, but this row has none: its messages hold none of the assistant, or the chat template's "
                + "{% generation %} part is empty for it.")
            : encoded;
    }

    private static EncodedRow Tokenized(DataRow row)
    {
        int[] ids = row.Get<int[]>(RowForms.InputIds);
        return new EncodedRow(ids)
        {
            Labels = row.Has(RowForms.Labels) ? OfLength(ids.Length, row.Get<int[]>(RowForms.Labels), RowForms.Labels) : null,
            CompletionMask = Mask(row, RowForms.CompletionMask, ids.Length),
            AssistantMask = Mask(row, RowForms.AssistantMasks, ids.Length),
        };
    }

    private static bool[]? Mask(DataRow row, string column, int length)
    {
        if (!row.Has(column))
        {
            return null;
        }

        // Masks are 0 and 1 in TRL's data sets; JSON from elsewhere may say false and true.
        object? value = row.Value(column);
        bool[] mask = value is bool[] flags ? flags : [.. row.Get<JsonElement>(column).EnumerateArray().Select(IsSet)];
        return OfLength(length, mask, column);

        static bool IsSet(JsonElement element) => element.ValueKind is JsonValueKind.True or JsonValueKind.False ? element.GetBoolean() : element.GetInt32() != 0;
    }

    private static T[] OfLength<T>(int length, T[] values, string column) => values.Length == length
        ? values
        : throw new InvalidDataException($"The column '{column}' has {values.Length} entries, '{RowForms.InputIds}' has {length}.");

    private EncodedRow Pair(DataRow row)
    {
        string prompt = Text(row, RowForms.Prompt);
        int[] promptIds = encoder.EncodeText(prompt);
        int[] ids = encoder.EncodeText(prompt + WithEos(Text(row, RowForms.Completion)));
        return new EncodedRow(ids) { CompletionMask = AfterCommonPrefix(promptIds, ids) };
    }

    private EncodedRow Chat(DataRow row, string column) => EncodeChat(row, Messages(row, column), addGenerationPrompt: false, options.AssistantOnlyLoss);

    private EncodedRow ChatPair(DataRow row)
    {
        JsonElement prompt = Messages(row, RowForms.Prompt);
        JsonElement completion = Messages(row, RowForms.Completion);
        JsonElement whole = JsonSerializer.SerializeToElement(prompt.EnumerateArray().Concat(completion.EnumerateArray()));
        EncodedRow start = EncodeChat(row, prompt, addGenerationPrompt: true, assistantMask: false);
        EncodedRow all = EncodeChat(row, whole, addGenerationPrompt: false, options.AssistantOnlyLoss);
        return all with { CompletionMask = AfterCommonPrefix(start.InputIds, all.InputIds) };
    }

    private EncodedRow EncodeChat(DataRow row, JsonElement messages, bool addGenerationPrompt, bool assistantMask)
    {
        JsonElement? tools = row.Has(RowForms.Tools) ? Json(row, RowForms.Tools) : null;
        if (tools is { ValueKind: JsonValueKind.String } text)
        {
            tools = JsonSerializer.Deserialize<JsonElement>(text.GetString()!);
        }

        JsonElement? arguments = row.Has(RowForms.TemplateArguments) ? Json(row, RowForms.TemplateArguments) : null;
        return encoder.EncodeChat(messages, tools, arguments, addGenerationPrompt, assistantMask);
    }

    private static string Text(DataRow row, string column) => row.Value(column) as string
        ?? throw new InvalidDataException($"The column '{column}' must hold text, but holds {(row.Has(column) ? row[column] : "null")}.");

    private static JsonElement Json(DataRow row, string column) => row.Value(column) switch
    {
        JsonElement element => element,
        IEnumerable<ChatMessage> messages => JsonSerializer.SerializeToElement(messages.Select(message => message.ToJson())),
        var value => JsonSerializer.SerializeToElement(value, RowWriter.ObjectNames),
    };

    /// <summary>The messages of a column; <c>from</c> and <c>value</c> become <c>role</c> and <c>content</c>.</summary>
    private static JsonElement Messages(DataRow row, string column)
    {
        JsonElement messages = Json(row, column);
        if (messages.ValueKind != JsonValueKind.Array || messages.EnumerateArray().Any(message => message.ValueKind != JsonValueKind.Object))
        {
            throw new InvalidDataException($"The column '{column}' must be an array of messages (objects with role and content), but is a JSON {messages.ValueKind}.");
        }

        if (column != RowForms.Conversations)
        {
            return messages;
        }

        var renamed = new JsonArray();
        foreach (JsonElement message in messages.EnumerateArray())
        {
            renamed.Add(new JsonObject(message.EnumerateObject().Select(property => KeyValuePair.Create(
                property.Name switch { "from" => "role", "value" => "content", var name => name },
                JsonNode.Parse(property.Value.GetRawText())))));
        }

        return JsonSerializer.SerializeToElement(renamed);
    }

    /// <summary>
    /// What follows the tokens that prompt and whole have in common. A merge across the boundary changes the prompt's last token; that token then
    /// belongs to the completion.
    /// </summary>
    private static bool[] AfterCommonPrefix(int[] prompt, int[] whole)
    {
        int common = prompt.AsSpan().CommonPrefixLength(whole);
        bool[] mask = new bool[whole.Length];
        Array.Fill(mask, true, common, whole.Length - common);
        return mask;
    }

    private string WithEos(string text) => encoder.EosToken is { Length: > 0 } eos && !text.EndsWith(eos, StringComparison.Ordinal) ? text + eos : text;
}
