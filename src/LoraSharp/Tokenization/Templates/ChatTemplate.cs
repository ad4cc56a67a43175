using System.Text.Json.Nodes;
using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates;

/// <summary>
/// A chat template: turns a conversation into the text that a model was trained on. The language is the Jinja that the transformers library sets up for
/// <c>apply_chat_template</c> (Jinja 3.1 in an immutable sandbox, with loop controls and <c>{% generation %}</c>), and the results are the same.
/// A template cannot reach anything but its variables, and cannot use more than <see cref="ChatTemplateLimits"/> allow. Instances may be shared between threads.
/// </summary>
public sealed class ChatTemplate
{
    private readonly JinjaTemplate _template;

    private ChatTemplate(string source, JinjaTemplate template)
    {
        Source = source;
        _template = template;
    }

    /// <summary>The source.</summary>
    public string Source { get; }

    /// <summary>Parses a template.</summary>
    /// <param name="source">The source, as in <c>chat_template.jinja</c> or the field <c>chat_template</c> of <c>tokenizer_config.json</c>.</param>
    /// <param name="limits">What each rendering may use; default <see cref="ChatTemplateLimits.Default"/>.</param>
    /// <returns>The template.</returns>
    /// <exception cref="TemplateSyntaxException">The source is no template.</exception>
    /// <exception cref="TemplateLimitException">The source is too long or nested too deeply.</exception>
    public static ChatTemplate Parse(string source, ChatTemplateLimits? limits = null) => new(source, JinjaTemplate.Parse(source, limits));

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The conversation, not empty.</param>
    /// <param name="addGenerationPrompt">Whether the opening of the assistant's answer is added.</param>
    /// <returns>The text.</returns>
    /// <exception cref="TemplateException">The template refuses the conversation or fails on it.</exception>
    public string Render(IEnumerable<ChatMessage> messages, bool addGenerationPrompt = false) =>
        Render(new ChatTemplateRequest(messages) { AddGenerationPrompt = addGenerationPrompt });

    /// <summary>Renders a conversation.</summary>
    /// <param name="request">The conversation and all that goes with it.</param>
    /// <returns>The text.</returns>
    /// <exception cref="TemplateException">The template refuses the conversation or fails on it.</exception>
    public string Render(ChatTemplateRequest request) => RenderWithSpans(request).Text;

    /// <summary>Renders a conversation and notes which parts of the text the template marks as generated.</summary>
    /// <param name="request">The conversation and all that goes with it.</param>
    /// <returns>The text and the spans. Where the last message is continued, spans are those of the text before it was cut.</returns>
    /// <exception cref="TemplateException">The template refuses the conversation or fails on it.</exception>
    public RenderedChat RenderWithSpans(ChatTemplateRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Messages.Count == 0)
        {
            throw Errors.Value("The conversation is empty; at least one message is needed.");
        }

        List<JinjaDict> messages = [.. request.Messages.Select(MessageAliases.Prepare)];
        MessageContinuation? continuation = request.ContinueFinalMessage.FieldName is { } field
            ? MessageContinuation.Mark(messages, field, Source, request.AddGenerationPrompt)
            : null;
        RenderedTemplate rendered = _template.Render(Variables(request, messages), request.Clock);
        return new RenderedChat(continuation?.Cut(rendered.Text) ?? rendered.Text, rendered.GenerationSpans);
    }

    private static Dictionary<string, object?> Variables(ChatTemplateRequest request, List<JinjaDict> messages)
    {
        var variables = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach ((string name, string token) in request.SpecialTokens)
        {
            variables[name] = token;
        }

        foreach ((string name, JsonNode? value) in request.Variables ?? [])
        {
            variables[name] = JsonValues.From(value);
        }

        variables["messages"] = new JinjaList([.. messages]);
        variables["tools"] = JsonValues.From(request.Tools);
        variables["documents"] = JsonValues.From(request.Documents);
        variables["add_generation_prompt"] = request.AddGenerationPrompt;
        return variables;
    }
}
