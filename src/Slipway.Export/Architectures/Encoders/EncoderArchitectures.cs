namespace Slipway.Export.Architectures.Encoders;

/// <summary>The encoders that can be exported, by the name in <c>architectures[0]</c> of <c>config.json</c>.</summary>
internal static class EncoderArchitectures
{
    public static IReadOnlyDictionary<string, EncoderArchitecture> All { get; } =
        new Dictionary<string, EncoderArchitecture>
        {
            ["BertForMaskedLM"] = new Bert(EncoderTask.MaskedToken),
            ["BertForSequenceClassification"] = new Bert(EncoderTask.SequenceClassification),
            ["BertForTokenClassification"] = new Bert(EncoderTask.TokenClassification),
            ["BertModel"] = new Bert(EncoderTask.Features),
            ["DistilBertForMaskedLM"] = new DistilBert(EncoderTask.MaskedToken),
            ["DistilBertForSequenceClassification"] = new DistilBert(EncoderTask.SequenceClassification),
            ["DistilBertForTokenClassification"] = new DistilBert(EncoderTask.TokenClassification),
            ["DistilBertModel"] = new DistilBert(EncoderTask.Features),
            ["MPNetForMaskedLM"] = new Mpnet(EncoderTask.MaskedToken),
            ["MPNetForSequenceClassification"] = new Mpnet(EncoderTask.SequenceClassification),
            ["MPNetForTokenClassification"] = new Mpnet(EncoderTask.TokenClassification),
            ["MPNetModel"] = new Mpnet(EncoderTask.Features),
            ["ModernBertForMaskedLM"] = new ModernBert(EncoderTask.MaskedToken),
            ["ModernBertForSequenceClassification"] = new ModernBert(EncoderTask.SequenceClassification),
            ["ModernBertForTokenClassification"] = new ModernBert(EncoderTask.TokenClassification),
            ["ModernBertModel"] = new ModernBert(EncoderTask.Features),
            ["RobertaForMaskedLM"] = new Roberta(EncoderTask.MaskedToken),
            ["RobertaForSequenceClassification"] = new Roberta(EncoderTask.SequenceClassification),
            ["RobertaForTokenClassification"] = new Roberta(EncoderTask.TokenClassification),
            ["RobertaModel"] = new Roberta(EncoderTask.Features),
            ["XLMRobertaForMaskedLM"] = new Roberta(EncoderTask.MaskedToken),
            ["XLMRobertaForSequenceClassification"] = new Roberta(EncoderTask.SequenceClassification),
            ["XLMRobertaForTokenClassification"] = new Roberta(EncoderTask.TokenClassification),
            ["XLMRobertaModel"] = new Roberta(EncoderTask.Features),
        };
}
