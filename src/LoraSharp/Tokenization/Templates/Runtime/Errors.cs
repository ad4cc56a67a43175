namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The errors of Python's built-in kinds.</summary>
internal static class Errors
{
    public const string TypeError = "TypeError";
    public const string ValueError = "ValueError";
    public const string OverflowError = "OverflowError";

    public static TemplateException Type(string message) => new(TypeError, message);

    public static TemplateException Value(string message) => new(ValueError, message);

    public static TemplateException Key(string message) => new("KeyError", message);

    public static TemplateException Index(string message) => new("IndexError", message);

    public static TemplateException Overflow(string message) => new(OverflowError, message);

    public static TemplateException DivisionByZero(string message) => new("ZeroDivisionError", message);

    public static TemplateException Security(string message) => new("SecurityError", message);

    public static TemplateException Undefined(string message) => new("UndefinedError", message);

    public static TemplateException Runtime(string message) => new("TemplateRuntimeError", message);

    public static TemplateException FilterArgument(string message) => new("FilterArgumentError", message);

    public static TemplateException NoOperator(string op, object? a, object? b) =>
        Type($"unsupported operand type(s) for {op}: '{TypeNames.Of(a)}' and '{TypeNames.Of(b)}'");
}
