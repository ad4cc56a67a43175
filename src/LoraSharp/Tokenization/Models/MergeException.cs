namespace LoraSharp.Tokenization;

/// <summary>A merge that does not fit its vocabulary; readers turn it into a <see cref="TokenizerFormatException"/>.</summary>
internal sealed class MergeException(int rank, string message) : Exception(message)
{
    public int Rank { get; } = rank;
}
