namespace LoraSharp.Tokenization;

/// <summary>One normalizer after another.</summary>
internal sealed class SequenceNormalizer(IReadOnlyList<Normalizer> parts) : Normalizer
{
    public override void Apply(NormalizedText text)
    {
        foreach (Normalizer part in parts)
        {
            part.Apply(text);
        }
    }
}
