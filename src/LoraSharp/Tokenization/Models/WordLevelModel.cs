using System.Text.Json;

namespace LoraSharp.Tokenization;

/// <summary>Whole words only; others are the unknown token.</summary>
internal sealed class WordLevelModel(Vocabulary vocabulary, string unkToken) : TokenModel
{
    public override int VocabSize => vocabulary.Count;

    public override int IdOf(ReadOnlySpan<char> token) => vocabulary.Find(token);

    public override string? TokenOf(int id) => vocabulary.TokenOf(id);

    public override void Tokenize(ReadOnlySpan<char> word, TokenSink sink) => TokenizeNew(word, sink);

    public override void Write(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "WordLevel");
        WordPieceModel.WriteVocabulary(writer, vocabulary);
        writer.WriteString("unk_token", unkToken);
    }

    protected override void TokenizeNew(ReadOnlySpan<char> word, TokenSink sink)
    {
        int id = vocabulary.Find(word);
        sink.Add(id >= 0 ? id : WordPieceModel.RequireUnknown(vocabulary, unkToken), 0, word.Length);
    }
}
