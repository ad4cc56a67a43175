namespace LoraSharp.Tokenization.Templates;

/// <summary>A chat template asked for more than <see cref="ChatTemplateLimits"/> allow: too many steps, too deep a recursion, too long a text.</summary>
public sealed class TemplateLimitException : TemplateException
{
    /// <summary>A limit was exceeded.</summary>
    /// <param name="message">Which limit, its value, and the option that raises it.</param>
    public TemplateLimitException(string message)
        : base("LimitError", message)
    {
    }

    /// <summary>A limit was exceeded.</summary>
    public TemplateLimitException()
        : this("The chat template exceeded a limit.")
    {
    }

    /// <summary>A limit was exceeded.</summary>
    /// <param name="message">Which limit, its value, and the option that raises it.</param>
    /// <param name="innerException">The cause.</param>
    public TemplateLimitException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
