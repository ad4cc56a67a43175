using System.Collections;
using System.Text.Json;

namespace LoraSharp.Data;

/// <summary>The names of the columns, and which form a data set has.</summary>
internal static class RowForms
{
    public const string InputIds = "input_ids";
    public const string Labels = "labels";
    public const string CompletionMask = "completion_mask";
    public const string AssistantMasks = "assistant_masks";
    public const string Prompt = "prompt";
    public const string Completion = "completion";
    public const string Messages = "messages";
    public const string Conversations = "conversations";
    public const string Tools = "tools";
    public const string TemplateArguments = "chat_template_kwargs";

    /// <summary>The form of a data set: its first row decides.</summary>
    /// <exception cref="InvalidDataException">The row has none of the forms; the message lists them and the row's columns.</exception>
    public static RowForm Detect(DataRow first, string textColumn)
    {
        if (first.Has(InputIds))
        {
            return RowForm.Tokenized;
        }

        if (IsPair(first))
        {
            return IsList(first.Value(Prompt)) ? RowForm.ChatPromptCompletion : RowForm.PromptCompletion;
        }

        if (first.Has(Conversations) || first.Has(Messages))
        {
            return RowForm.Chat;
        }

        return first.Has(textColumn)
            ? RowForm.Text
            : throw new InvalidDataException(
                $"The rows cannot be trained on: they have the columns {DataRow.Describe(first.Columns)}, but need '{textColumn}' (text), "
                + $"'{Messages}' or '{Conversations}' (chats), '{Prompt}' and '{Completion}' (pairs), or '{InputIds}' (tokens). Use Dataset.Map to make one of these.");
    }

    /// <summary>Whether a row has a prompt and a completion.</summary>
    public static bool IsPair(DataRow row) => row.Has(Prompt) && row.Has(Completion);

    private static bool IsList(object? value) => value switch
    {
        JsonElement element => element.ValueKind == JsonValueKind.Array,
        string => false,
        _ => value is IEnumerable,
    };
}
