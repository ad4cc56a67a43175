namespace LoraSharp.Tokenization;

/// <summary>
/// A tokenizer file (or a set of them) that cannot be used as it stands. The message names the file, the place in it, the problem and the cure.
/// </summary>
public sealed class TokenizerFormatException : FormatException
{
    /// <summary>Describes a problem at one place of one file.</summary>
    /// <param name="file">The file's path, or a name for the data where there is no file.</param>
    /// <param name="place">Where in the file: a JSON path such as <c>$.model.merges[7]</c>, a field, or a byte offset.</param>
    /// <param name="problem">What is wrong, with the value met.</param>
    /// <param name="cure">What to do about it.</param>
    /// <param name="inner">The error underneath, if any.</param>
    public TokenizerFormatException(string file, string place, string problem, string cure, Exception? inner = null)
        : base($"{file}: {place}: {problem}. {cure}", inner)
    {
        File = file;
        Place = place;
    }

    /// <summary>The file (or a name for the data where there is none).</summary>
    public string File { get; }

    /// <summary>The place in the file.</summary>
    public string Place { get; }
}
