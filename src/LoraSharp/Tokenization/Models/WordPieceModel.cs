using System.Text.Json;

namespace LoraSharp.Tokenization;

/// <summary>The longest match from the left (Wu et al., 2016, arXiv:1609.08144, as BERT uses it).</summary>
internal sealed class WordPieceModel(Vocabulary vocabulary, string unkToken, string prefix, int maxCharsPerWord) : TokenModel
{
    public override int VocabSize => vocabulary.Count;

    public override int IdOf(ReadOnlySpan<char> token) => vocabulary.Find(token);

    public override string? TokenOf(int id) => vocabulary.TokenOf(id);

    public override void Write(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "WordPiece");
        writer.WriteString("unk_token", unkToken);
        writer.WriteString("continuing_subword_prefix", prefix);
        writer.WriteNumber("max_input_chars_per_word", maxCharsPerWord);
        WriteVocabulary(writer, vocabulary);
    }

    internal static void WriteVocabulary(Utf8JsonWriter writer, Vocabulary vocabulary)
    {
        writer.WriteStartObject("vocab");
        foreach ((string token, int id) in vocabulary.InOrder())
        {
            writer.WriteNumber(token, id);
        }

        writer.WriteEndObject();
    }

    internal static int RequireUnknown(Vocabulary vocabulary, string unkToken) => vocabulary.Find(unkToken) is >= 0 and int id
        ? id
        : throw new InvalidOperationException(
            $"The text has a word that the vocabulary does not know, and the unknown token '{unkToken}' is not in"
                + " the vocabulary either. Add it to the model's vocab in tokenizer.json.");

    protected override void TokenizeNew(ReadOnlySpan<char> word, TokenSink sink)
    {
        int first = sink.Count;
        if (CountCodePoints(word) > maxCharsPerWord || !TryMatch(word, sink))
        {
            sink.Ids.Keep(0, first);
            sink.Starts.Keep(0, first);
            sink.Ends.Keep(0, first);
            sink.Add(RequireUnknown(vocabulary, unkToken), 0, word.Length);
        }
    }

    private bool TryMatch(ReadOnlySpan<char> word, TokenSink sink)
    {
        Span<char> candidate = new char[Math.Min(word.Length, vocabulary.MaxTokenLength) + prefix.Length];
        for (int start = 0; start < word.Length;)
        {
            int lead = start == 0 ? 0 : prefix.Length;
            prefix.AsSpan(0, lead).CopyTo(candidate);
            // Nothing longer than the longest token can match.
            int end = Math.Min(word.Length, start + vocabulary.MaxTokenLength);
            word[start..end].CopyTo(candidate[lead..]);
            int id = -1;
            for (; end > start; end -= end - start > 1 && char.IsLowSurrogate(word[end - 1]) ? 2 : 1)
            {
                id = vocabulary.Find(candidate[..(lead + end - start)]);
                if (id >= 0)
                {
                    break;
                }
            }

            if (id < 0)
            {
                return false;
            }

            sink.Add(id, start, end);
            start = end;
        }

        return true;
    }

    private static int CountCodePoints(ReadOnlySpan<char> text)
    {
        int count = 0;
        foreach (char c in text)
        {
            count += char.IsLowSurrogate(c) ? 0 : 1;
        }

        return count;
    }
}
