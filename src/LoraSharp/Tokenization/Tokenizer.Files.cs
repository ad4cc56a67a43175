using LoraSharp.Tokenization;

namespace LoraSharp;

/// <content>Loading and saving.</content>
public sealed partial class Tokenizer
{
    /// <summary>
    /// Loads the tokenizer of a model's folder as AutoTokenizer does: tokenizer.json, else a SentencePiece or tiktoken tokenizer.model, else
    /// vocab.json with merges.txt, else vocab.txt; with tokenizer_config.json, special_tokens_map.json, added_tokens.json and chat_template.jinja
    /// where they are there.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="FileNotFoundException">The folder has none of these files.</exception>
    /// <exception cref="TokenizerFormatException">A file is damaged or contradicts itself.</exception>
    public static Tokenizer Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return TokenizerFolder.Load(folder);
    }

    /// <summary>
    /// Loads one file as it stands: tokenizer.json, a SentencePiece model (its own ids, nothing added around them) or tiktoken ranks (Llama 3's
    /// split pattern).
    /// </summary>
    /// <param name="path">The file. Its content, not its name, says what it is.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="TokenizerFormatException">The file is damaged or contradicts itself.</exception>
    public static Tokenizer FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        (TokenizerPipeline pipeline, IReadOnlyDictionary<string, string> special) = TokenizerFile.Read(path);
        var settings = new TokenizerSettings();
        foreach ((string name, string token) in special)
        {
            settings.SetSpecial(name, token);
        }

        return new Tokenizer(pipeline, settings);
    }

    /// <summary>
    /// Writes the tokenizer into a folder that Python's AutoTokenizer and <see cref="Load"/> read: tokenizer.json, tokenizer_config.json,
    /// special_tokens_map.json, and the chat templates. Each file appears complete or not at all.
    /// </summary>
    /// <param name="folder">The folder; it is made if it is not there.</param>
    public void Save(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        TokenizerWriter.Save(_pipeline, _settings, folder);
    }

    /// <summary>Writes all that <see cref="Save"/> does, one after the other: what tells two tokenizers apart.</summary>
    internal void WriteTo(Stream stream) => TokenizerWriter.Write(_pipeline, _settings, stream);
}
