namespace LoraSharp.Tokenization.Templates;

/// <summary>
/// A chat template failed: it called <c>raise_exception</c> (then <see cref="Exception.Message"/> is the template's own text), or an expression in it
/// has no value (an undefined variable was used, types do not fit, the sandbox refused).
/// </summary>
public class TemplateException : Exception
{
    /// <summary>An error of the general kind <c>TemplateError</c>.</summary>
    /// <param name="message">What went wrong, without position.</param>
    public TemplateException(string message)
        : this("TemplateError", message)
    {
    }

    /// <summary>An error of a named kind.</summary>
    /// <param name="errorType">The kind, as the Python libraries name it: <c>TypeError</c>, <c>UndefinedError</c>, <c>SecurityError</c>, ...</param>
    /// <param name="message">What went wrong, without position.</param>
    public TemplateException(string errorType, string message)
        : base(message)
    {
        ErrorType = errorType;
    }

    /// <summary>An error of the general kind without a text.</summary>
    public TemplateException()
        : this("The chat template failed.")
    {
    }

    /// <summary>An error of the general kind that another exception caused.</summary>
    /// <param name="message">What went wrong, without position.</param>
    /// <param name="innerException">The cause.</param>
    public TemplateException(string message, Exception innerException)
        : base(message, innerException)
    {
        ErrorType = "TemplateError";
    }

    /// <summary>The kind of the error, as the Python libraries name it; <c>TemplateError</c> is what <c>raise_exception</c> throws.</summary>
    public string ErrorType { get; }

    /// <summary>The line of the template (from 1) whose statement failed; null where none is known.</summary>
    public int? Line { get; internal set; }

    /// <summary>Notes the line of the innermost statement once; always false, to be used as an exception filter that unwinds nothing.</summary>
    internal bool AttachLine(int line)
    {
        Line ??= line;
        return false;
    }
}
