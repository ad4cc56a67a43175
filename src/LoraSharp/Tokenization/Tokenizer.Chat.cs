using System.Text.Json.Nodes;
using LoraSharp.Tokenization;
using LoraSharp.Tokenization.Templates;

namespace LoraSharp;

/// <content>Conversations.</content>
public sealed partial class Tokenizer
{
    // The last template that was parsed; replaced as a whole, so that several threads may race for it.
    private volatile ChatTemplate? _parsedTemplate;

    /// <summary>The text of a conversation, by the tokenizer's chat template.</summary>
    /// <param name="messages">The conversation, not empty.</param>
    /// <param name="tools">The schemas of the tools that the model may call; null (the default): none.</param>
    /// <param name="addGenerationPrompt">Adds the opening of the assistant's answer. Default: false.</param>
    /// <param name="continueFinalMessage">Leaves the last message open, for the model to go on. Default: off.</param>
    /// <param name="variables">Further variables of the template (<c>enable_thinking</c>, ...). Default: none.</param>
    /// <returns>The text. Tokenize it without adding special tokens: the template writes them.</returns>
    /// <exception cref="InvalidOperationException">The tokenizer has no chat template.</exception>
    /// <exception cref="TemplateException">The template cannot be parsed, refuses the conversation or fails on it.</exception>
    public string ApplyChatTemplate(
        IEnumerable<ChatMessage> messages,
        JsonNode? tools = null,
        bool addGenerationPrompt = false,
        ContinueFinalMessage continueFinalMessage = default,
        JsonObject? variables = null) => ApplyChatTemplate(new ChatTemplateRequest(messages)
        {
            Tools = tools,
            AddGenerationPrompt = addGenerationPrompt,
            ContinueFinalMessage = continueFinalMessage,
            Variables = variables,
        });

    /// <summary>The text of a conversation, by the tokenizer's chat template.</summary>
    /// <param name="request">The conversation and all that goes with it. Without special tokens in it, the template sees the tokenizer's.</param>
    /// <returns>The text. Tokenize it without adding special tokens: the template writes them.</returns>
    /// <exception cref="InvalidOperationException">The tokenizer has no chat template.</exception>
    /// <exception cref="TemplateException">The template cannot be parsed, refuses the conversation or fails on it.</exception>
    public string ApplyChatTemplate(ChatTemplateRequest request) => RenderChat(request).Text;

    /// <summary>The tokens of a conversation, by the tokenizer's chat template.</summary>
    /// <param name="request">The conversation and all that goes with it. Without special tokens in it, the template sees the tokenizer's.</param>
    /// <param name="withAssistantMask">
    /// Also gives the mask of what the assistant says. The template has to mark it with <c>{% generation %}</c>, else the mask is 0 throughout. Default: false.
    /// </param>
    /// <param name="maxLength">The most tokens to keep (cut on the side that <see cref="TruncationSide"/> names, else on the right); null (the default): all.</param>
    /// <returns>Ids and, if asked for, the mask, of equal length.</returns>
    /// <exception cref="ArgumentException">A mask is asked for and the last message is continued, which exclude each other.</exception>
    /// <exception cref="InvalidOperationException">The tokenizer has no chat template.</exception>
    /// <exception cref="TemplateException">The template cannot be parsed, refuses the conversation or fails on it.</exception>
    public ChatTokens ApplyChatTemplateTokens(ChatTemplateRequest request, bool withAssistantMask = false, int? maxLength = null)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (withAssistantMask && request.ContinueFinalMessage.FieldName is not null)
        {
            throw new ArgumentException("An assistant mask cannot be had while the last message is continued; ask for one of the two.", nameof(withAssistantMask));
        }

        RenderedChat chat = RenderChat(request);
        TruncationOptions? truncation = maxLength is { } length ? new TruncationOptions(length) { Side = TruncationSide ?? SequenceSide.Right } : null;
        TokenEncoding encoding = Encode(chat.Text, options: new EncodeOptions { AddSpecialTokens = false, Truncation = truncation });
        return new ChatTokens(encoding.Ids, withAssistantMask ? AssistantMask.Compute(chat.GenerationSpans, encoding.Offsets) : null);
    }

    private RenderedChat RenderChat(ChatTemplateRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        ChatTemplate template = TemplateFor(request);
        return template.RenderWithSpans(request.SpecialTokens.Count > 0 ? request : request with { SpecialTokens = SpecialTokens });
    }

    private ChatTemplate TemplateFor(ChatTemplateRequest request)
    {
        // A folder may have a template of its own for conversations with tools.
        string? source = request.Tools is not null && ChatTemplates.TryGetValue("tool_use", out string? toolUse) ? toolUse : ChatTemplateSource;
        if (source is null)
        {
            throw new InvalidOperationException(
                $"The tokenizer has no chat template named 'default' (it has {(ChatTemplates.Count == 0 ? "none" : string.Join(", ", ChatTemplates.Keys))}). Set {nameof(ChatTemplateSource)}, or take the tokenizer of a model that was trained on conversations.");
        }

        ChatTemplate? parsed = _parsedTemplate;
        if (parsed is null || parsed.Source != source)
        {
            _parsedTemplate = parsed = ChatTemplate.Parse(source);
        }

        return parsed;
    }
}
