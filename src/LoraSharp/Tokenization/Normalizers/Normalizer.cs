namespace LoraSharp.Tokenization;

/// <summary>Changes a text before it is cut into pieces.</summary>
internal abstract class Normalizer
{
    public abstract void Apply(NormalizedText text);

    /// <summary>The normalized form of a string.</summary>
    public string Apply(string text)
    {
        var normalized = new NormalizedText(text, track: false);
        Apply(normalized);
        return normalized.ToString();
    }
}
