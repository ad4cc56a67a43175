using System.Text.Json.Nodes;
using LoraSharp.Tokenization.Templates;

namespace LoraSharp;

public sealed partial class Tokenizer
{
    private ChatTemplate? _chatTemplate;

    /// <summary>Renders a conversation with the model's chat template, as apply_chat_template does.</summary>
    /// <param name="messages">The conversation, not empty.</param>
    /// <param name="tools">Schemas of the tools that the model may call, or null.</param>
    /// <param name="addGenerationPrompt">Ends where the assistant would begin.</param>
    /// <param name="continueFinalMessage">Leaves the last message open.</param>
    /// <param name="variables">Further variables of the template, or null.</param>
    /// <exception cref="InvalidOperationException">The tokenizer has no chat template.</exception>
    /// <exception cref="TemplateException">The template refuses the conversation.</exception>
    public string ApplyChatTemplate(
        IEnumerable<ChatMessage> messages, JsonNode? tools = null, bool addGenerationPrompt = false, bool continueFinalMessage = false, JsonObject? variables = null) =>
        Template().Render(new ChatTemplateRequest(messages)
        {
            Tools = tools,
            AddGenerationPrompt = addGenerationPrompt,
            ContinueFinalMessage = continueFinalMessage ? ContinueFinalMessage.Content : ContinueFinalMessage.Off,
            Variables = variables,
            SpecialTokens = SpecialTokens,
        });

    private ChatTemplate Template()
    {
        string source = ChatTemplateSource
            ?? throw new InvalidOperationException("This tokenizer has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json). Write the prompt yourself, or add a template.");
        return _chatTemplate is { } parsed && parsed.Source == source ? parsed : _chatTemplate = ChatTemplate.Parse(source);
    }
}
