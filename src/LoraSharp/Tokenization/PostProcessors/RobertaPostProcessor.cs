namespace LoraSharp.Tokenization;

/// <summary>RoBERTa's frame: CLS A SEP, and SEP B SEP; all type ids 0.</summary>
internal sealed class RobertaPostProcessor(
    (string Token, int Id) sep, (string Token, int Id) cls, bool trimOffsets, bool addPrefixSpace) : PostProcessor
{
    public override int AddedTokens(bool pair) => pair ? 4 : 2;

    public override List<EncodingBuffer> Process(List<EncodingBuffer> encodings, bool addSpecialTokens)
    {
        for (int i = 0; i < encodings.Count; i++)
        {
            EncodingBuffer encoding = encodings[i];
            if (trimOffsets)
            {
                ByteLevelPostProcessor.Trim(encoding, addPrefixSpace);
            }

            encoding.SetTypeId(0);
            if (addSpecialTokens)
            {
                (string token, int id) = i == 0 ? cls : sep;
                encoding.AddSpecial(id, token, 0, position: 0);
                encoding.AddSpecial(sep.Id, sep.Token, 0);
            }
        }

        return encodings;
    }
}
