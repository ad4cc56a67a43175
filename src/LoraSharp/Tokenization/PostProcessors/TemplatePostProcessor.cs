namespace LoraSharp.Tokenization;

/// <summary>A frame written as a template: sequences and special tokens with their type ids.</summary>
internal sealed class TemplatePostProcessor(
    IReadOnlyList<TemplatePiece> single,
    IReadOnlyList<TemplatePiece> pair,
    IReadOnlyDictionary<string, TemplateToken> specialTokens) : PostProcessor
{
    private readonly int _addedToSingle = CountAdded(single, specialTokens);
    private readonly int _addedToPair = CountAdded(pair, specialTokens);

    public override int AddedTokens(bool pair) => pair ? _addedToPair : _addedToSingle;

    public override List<EncodingBuffer> Process(List<EncodingBuffer> encodings, bool addSpecialTokens)
    {
        var result = new List<EncodingBuffer>();
        foreach (TemplatePiece piece in encodings.Count == 1 ? single : pair)
        {
            if (piece.SpecialToken is null)
            {
                EncodingBuffer encoding = encodings[Math.Min(piece.Sequence, encodings.Count - 1)];
                encoding.SetTypeId(piece.TypeId);
                var copy = new EncodingBuffer(encoding.HasDetails);
                copy.Append(encoding);
                result.Add(copy);
            }
            else if (addSpecialTokens)
            {
                TemplateToken token = specialTokens[piece.SpecialToken];
                var added = new EncodingBuffer(encodings[0].HasDetails);
                for (int i = 0; i < token.Ids.Count; i++)
                {
                    added.AddSpecial(token.Ids[i], token.Tokens[i], piece.TypeId);
                }

                result.Add(added);
            }
        }

        return result;
    }

    private static int CountAdded(IReadOnlyList<TemplatePiece> template, IReadOnlyDictionary<string, TemplateToken> tokens) =>
        template.Sum(piece => piece.SpecialToken is null ? 0 : tokens[piece.SpecialToken].Ids.Count);
}
