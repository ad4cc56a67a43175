namespace LoraSharp.Tokenization.Templates;

/// <summary>Whether the rendering ends within the last message, so that a model goes on with it.</summary>
public readonly record struct ContinueFinalMessage
{
    private ContinueFinalMessage(string field) => FieldName = field;

    /// <summary>The conversation is rendered as a whole; the default.</summary>
    public static ContinueFinalMessage Off => default;

    /// <summary>The rendering ends with the content of the last message.</summary>
    public static ContinueFinalMessage Content { get; } = new("content");

    /// <summary>The name of the field that is continued; null when off.</summary>
    public string? FieldName { get; }

    /// <summary>The rendering ends with a field of the last message.</summary>
    /// <param name="name">The field: <c>content</c>, <c>reasoning_content</c>, ...</param>
    /// <returns>The choice of that field.</returns>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static ContinueFinalMessage Field(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new ContinueFinalMessage(name);
    }
}
