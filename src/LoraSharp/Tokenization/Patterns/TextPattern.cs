namespace LoraSharp.Tokenization;

/// <summary>Something to look for in a text.</summary>
internal abstract class TextPattern
{
    /// <summary>Adds (start, end) of every match, in order and without overlap, to <paramref name="matches"/>.</summary>
    public abstract void FindAll(ReadOnlySpan<char> text, IntBuffer matches);
}
