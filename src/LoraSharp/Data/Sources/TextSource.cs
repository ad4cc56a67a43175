namespace LoraSharp.Data;

/// <summary>A file of text, compressed perhaps.</summary>
/// <param name="Path">The file.</param>
/// <param name="Decompress">Makes the text's bytes of the file's; null where they are the same.</param>
internal sealed record TextSource(string Path, Func<Stream, Stream>? Decompress)
{
    /// <summary>The text as UTF-8 (or what a byte-order mark says), from its start.</summary>
    public StreamReader Open() => new(OpenBytes());

    /// <summary>The text's bytes, from the start.</summary>
    public Stream OpenBytes()
    {
        FileStream file = File.OpenRead(Path);
        return Decompress is null ? file : Decompress(file);
    }

    /// <summary>The next line, or null at the end.</summary>
    /// <exception cref="InvalidDataException">The compressed file is damaged.</exception>
    public string? ReadLine(TextReader reader) => Try(reader.ReadLine);

    /// <summary>Runs a part of the reading; a damaged compressed file becomes an error that names it.</summary>
    /// <exception cref="InvalidDataException">The compressed file is damaged.</exception>
    public T Try<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (Decompress is not null && exception is InvalidDataException or EndOfStreamException or ZstdSharp.ZstdException)
        {
            throw new InvalidDataException($"'{Path}' cannot be decompressed: {exception.Message}", exception);
        }
    }
}
