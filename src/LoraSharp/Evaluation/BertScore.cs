using static TorchSharp.torch;

namespace LoraSharp.Evaluation;

/// <summary>
/// BERTScore: each token of a text is matched with the most similar token of the other text, by the vectors that an encoder gives them in context (Zhang et al. 2020). The numbers are
/// those of the bert_score package.
/// </summary>
/// <param name="model">The encoder, with its tokenizer.</param>
/// <param name="options">The options; null: the defaults.</param>
public sealed class BertScore(TextEmbedder model, BertScoreOptions? options = null)
{
    /// <summary>Tokens of a text in which there is nothing but what begins and ends every text.</summary>
    private const int EmptyLength = 2;

    private readonly TextEmbedder _model = model ?? throw new ArgumentNullException(nameof(model));
    private readonly BertScoreOptions _options = options ?? new BertScoreOptions();

    /// <summary>Scores candidates against their references, pair by pair.</summary>
    /// <param name="candidates">The texts to judge; blanks around them do not count.</param>
    /// <param name="references">What they should say, as many.</param>
    /// <param name="cancellationToken">Stops between two pairs.</param>
    /// <returns>A score for each pair; all 0 where one of the texts is empty.</returns>
    /// <exception cref="ArgumentException">There are not as many references as candidates, or the model lacks the layer.</exception>
    public IReadOnlyList<PairScore> Score(IReadOnlyList<string> candidates, IReadOnlyList<string> references, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentNullException.ThrowIfNull(references);
        if (candidates.Count != references.Count)
        {
            throw new ArgumentException($"There are {candidates.Count} candidates, but {references.Count} references; each candidate needs its own.", nameof(references));
        }

        IReadOnlyList<TokenEncoding> candidateTokens = Encode(candidates, cancellationToken), referenceTokens = Encode(references, cancellationToken);
        TokenWeights weights = Weights(referenceTokens);
        using var noGrad = no_grad();
        var scores = new PairScore[candidates.Count];
        for (int i = 0; i < scores.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            scores[i] = Rescale(Score(candidateTokens[i], referenceTokens[i], weights));
        }

        return scores;
    }

    /// <summary>
    /// The scores of tokens that have vectors already: the cosine of each pair of tokens (0 where one of them is padding), the best match of each, and the means of those by weight.
    /// </summary>
    /// <param name="candidate">(pairs, C, size) vectors.</param>
    /// <param name="candidateWeights">(pairs, C); 0 for padding, and for tokens that do not count but can be matched.</param>
    /// <param name="reference">(pairs, R, size) vectors.</param>
    /// <param name="referenceWeights">(pairs, R).</param>
    /// <param name="candidateMask">(pairs, C) of 0 (padding) and 1, or null: no padding.</param>
    /// <param name="referenceMask">(pairs, R) of 0 and 1, or null.</param>
    /// <returns>(pairs) each. Not a number where all weights are 0.</returns>
    public static (Tensor Precision, Tensor Recall, Tensor F1) Match(
        Tensor candidate, Tensor candidateWeights, Tensor reference, Tensor referenceWeights, Tensor? candidateMask = null, Tensor? referenceMask = null)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        ArgumentNullException.ThrowIfNull(candidateWeights);
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(referenceWeights);
        using var scope = NewDisposeScope();
        Tensor similarity = Unit(candidate).matmul(Unit(reference).transpose(1, 2));
        if (candidateMask is not null)
        {
            similarity = similarity * candidateMask.to(similarity.dtype).unsqueeze(2);
        }

        if (referenceMask is not null)
        {
            similarity = similarity * referenceMask.to(similarity.dtype).unsqueeze(1);
        }

        Tensor precision = Mean(similarity.amax([2]), candidateWeights), recall = Mean(similarity.amax([1]), referenceWeights);
        Tensor f1 = 2 * precision * recall / (precision + recall);
        return (precision.MoveToOuterDisposeScope(), recall.MoveToOuterDisposeScope(), f1.MoveToOuterDisposeScope());

        static Tensor Unit(Tensor vectors) => vectors / vectors.norm(2, true, 2);
        static Tensor Mean(Tensor best, Tensor weights) => (best * weights.to(best.dtype)).sum([1]) / weights.to(best.dtype).sum([1]);
    }

    /// <summary>What each token counts where these are the references.</summary>
    internal TokenWeights Weights(IReadOnlyList<TokenEncoding> references) => _options.UseIdf ? TokenWeights.InverseFrequency(references) : TokenWeights.Equal(_model.Tokenizer);

    internal IReadOnlyList<TokenEncoding> Encode(IReadOnlyList<string> texts, CancellationToken cancellationToken) =>
        _model.EncodeTexts([.. texts.Select(text => text.Trim())], Math.Min(_options.MaxLength, _model.Positions), cancellationToken);

    private PairScore Score(TokenEncoding candidate, TokenEncoding reference, TokenWeights weights)
    {
        if (candidate.Ids.Count <= EmptyLength || reference.Ids.Count <= EmptyLength)
        {
            return default;
        }

        using var scope = NewDisposeScope();
        (Tensor precision, Tensor recall, Tensor f1) = Match(Vectors(candidate), Weigh(candidate), Vectors(reference), Weigh(reference));
        return new PairScore(Number(precision), Number(recall), Number(f1));

        Tensor Weigh(TokenEncoding text) => tensor(text.Ids.Select(id => (float)weights[id]).ToArray(), 1, text.Ids.Count);

        // Texts of tokens without any weight score 0.
        static double Number(Tensor value) => value.item<float>() is var number && float.IsNaN(number) ? 0 : number;
    }

    private Tensor Vectors(TokenEncoding text)
    {
        (Tensor ids, Tensor? mask, Tensor types) = _model.Batch([text]);
        return _model.HiddenStatesAfter(_options.Layers ?? _model.Layers, ids, mask, types).to(ScalarType.Float32);
    }

    private PairScore Rescale(PairScore score) => _options.Baseline is not { } baseline
        ? score
        : new PairScore(Rescale(score.Precision, baseline.Precision), Rescale(score.Recall, baseline.Recall), Rescale(score.F1, baseline.F1));

    private static double Rescale(double score, double baseline) => (score - baseline) / (1 - baseline);
}
