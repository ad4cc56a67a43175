namespace LoraSharp.Evaluation;

/// <summary>
/// How much each token counts in <see cref="BertScore"/>. With inverse document frequencies: ln((N + 1) / (n + 1)), where n of the N references hold the token. Otherwise 1, and 0
/// for the tokens that begin and end every text.
/// </summary>
internal sealed class TokenWeights
{
    private readonly Dictionary<int, double> _weights;
    private readonly double _other;

    private TokenWeights(Dictionary<int, double> weights, double other) => (_weights, _other) = (weights, other);

    public double this[int token] => _weights.GetValueOrDefault(token, _other);

    public static TokenWeights Equal(Tokenizer tokenizer) =>
        new(new[] { tokenizer.ClsId, tokenizer.SepId }.OfType<int>().Distinct().ToDictionary(id => id, _ => 0.0), 1);

    public static TokenWeights InverseFrequency(IReadOnlyList<TokenEncoding> references)
    {
        double texts = references.Count + 1;
        return new TokenWeights(
            references.SelectMany(reference => reference.Ids.Distinct()).CountBy(id => id).ToDictionary(pair => pair.Key, pair => Math.Log(texts / (pair.Value + 1))),
            Math.Log(texts));
    }
}
