using System.Text.Json;

namespace LoraSharp.Tokenization;

/// <summary>Turns a word into tokens of a vocabulary.</summary>
internal abstract class TokenModel
{
    private readonly WordCache _cache = new();

    /// <summary>The number of tokens of the vocabulary.</summary>
    public abstract int VocabSize { get; }

    /// <summary>True if places in a word are counted in bytes (of UTF-8), else in UTF-16 units.</summary>
    public virtual bool CountsBytes => false;

    /// <summary>The id of a token, or -1.</summary>
    public abstract int IdOf(ReadOnlySpan<char> token);

    /// <summary>The token of an id, or null.</summary>
    public abstract string? TokenOf(int id);

    /// <summary>The name and the fields of the model as in tokenizer.json, inside an object that is already open.</summary>
    public abstract void Write(Utf8JsonWriter writer);

    /// <summary>Adds the tokens of a word (not empty) to the sink.</summary>
    public virtual void Tokenize(ReadOnlySpan<char> word, TokenSink sink)
    {
        if (word.Length > WordCache.MaxWordLength)
        {
            TokenizeNew(word, sink);
        }
        else if (_cache.Find(word) is { } known)
        {
            sink.Append(known);
        }
        else
        {
            int first = sink.Count;
            TokenizeNew(word, sink);
            _cache.Add(sink.Since(first, word.ToString()));
        }
    }

    /// <summary>Adds the tokens of a word that is not in the cache.</summary>
    protected abstract void TokenizeNew(ReadOnlySpan<char> word, TokenSink sink);
}
