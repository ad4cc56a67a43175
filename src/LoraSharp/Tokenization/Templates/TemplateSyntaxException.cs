namespace LoraSharp.Tokenization.Templates;

/// <summary>The source of a chat template cannot be parsed; thrown by <see cref="ChatTemplate.Parse"/>.</summary>
public sealed class TemplateSyntaxException : TemplateException
{
    /// <summary>A syntax error at a line.</summary>
    /// <param name="message">What is wrong there.</param>
    /// <param name="line">The line of the template, from 1.</param>
    public TemplateSyntaxException(string message, int line)
        : base("TemplateSyntaxError", $"{message} (line {line} of the template)")
    {
        Line = line;
    }

    /// <summary>A syntax error without a position.</summary>
    public TemplateSyntaxException()
        : this("The chat template cannot be parsed.")
    {
    }

    /// <summary>A syntax error without a position.</summary>
    /// <param name="message">What is wrong.</param>
    public TemplateSyntaxException(string message)
        : base("TemplateSyntaxError", message)
    {
    }

    /// <summary>A syntax error that another exception caused.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public TemplateSyntaxException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
