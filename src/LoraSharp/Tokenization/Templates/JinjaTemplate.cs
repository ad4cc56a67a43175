using LoraSharp.Tokenization.Templates.Runtime;
using LoraSharp.Tokenization.Templates.Syntax;

namespace LoraSharp.Tokenization.Templates;

/// <summary>A template and its variables, without anything of chats. Rendering leaves the template unchanged, so that one may be used by many threads.</summary>
internal sealed class JinjaTemplate
{
    private readonly BoundTemplate _template;
    private readonly ChatTemplateLimits _limits;

    private JinjaTemplate(BoundTemplate template, ChatTemplateLimits limits)
    {
        _template = template;
        _limits = limits;
    }

    public static JinjaTemplate Parse(string source, ChatTemplateLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        limits ??= ChatTemplateLimits.Default;
        limits.Validate();
        if (source.Length > limits.MaxSourceLength)
        {
            throw new TemplateLimitException(
                $"The template's source has {source.Length} characters, more than the allowed {limits.MaxSourceLength}; {nameof(ChatTemplateLimits)}.{nameof(ChatTemplateLimits.MaxSourceLength)} raises the limit.");
        }

        return new JinjaTemplate(Binder.Bind(Parser.Parse(source, limits.MaxDepth)), limits);
    }

    /// <summary>Renders with variables in the forms that <see cref="JsonValues"/> gives.</summary>
    public RenderedTemplate Render(IReadOnlyDictionary<string, object?> variables, TimeProvider? clock = null) =>
        Renderer.Run(_template, variables, _limits, clock ?? TimeProvider.System);
}
