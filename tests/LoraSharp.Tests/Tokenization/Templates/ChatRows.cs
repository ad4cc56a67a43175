using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Tokenization.Templates;

namespace LoraSharp.Tests.Tokenization.Templates;

/// <summary>Reads the conversations of the golden cases.</summary>
internal static class ChatRows
{
    private static readonly string[] Known =
    [
        "name", "messages", "tools", "documents", "add_generation_prompt", "continue_final_message", "return_assistant_tokens_mask", "max_length", "kwargs",
    ];

    public static ChatTemplateRequest Read(JsonElement row, IReadOnlyDictionary<string, string> special, TimeProvider clock)
    {
        Assert.Empty(row.EnumerateObject().Select(p => p.Name).Except(Known));
        JsonObject fields = JsonNode.Parse(row.GetRawText())!.AsObject();
        return new ChatTemplateRequest(fields["messages"]!.AsArray())
        {
            Tools = fields["tools"],
            Documents = fields["documents"],
            AddGenerationPrompt = fields["add_generation_prompt"]!.GetValue<bool>(),
            ContinueFinalMessage = row.GetProperty("continue_final_message") switch
            {
                { ValueKind: JsonValueKind.True } => ContinueFinalMessage.Content,
                { ValueKind: JsonValueKind.String } field => ContinueFinalMessage.Field(field.GetString()!),
                _ => ContinueFinalMessage.Off,
            },
            SpecialTokens = special,
            Variables = fields["kwargs"]!.AsObject(),
            Clock = clock,
        };
    }
}
