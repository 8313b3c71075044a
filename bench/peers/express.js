/** Express 5 with `passport-jwt`, `express-rate-limit` and CASL, whose ability is built for each request. */
import { createSecretKey } from 'node:crypto'
import { once } from 'node:events'
import { subject } from '@casl/ability'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import passport from 'passport'
import { ExtractJwt, Strategy } from 'passport-jwt'
import { abilitiesOf } from '../casl.ts'
import { find, NAME, PLENTY } from '../work.ts'

export async function start (setting) {
  const abilityOf = abilitiesOf(setting)
  // Their documentation gives the secret as a text, of which `jsonwebtoken` makes a key for each request: several times as slow.
  passport.use(new Strategy({
    jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    secretOrKey: createSecretKey(setting.key, 'utf8'),
    algorithms: [setting.algorithm],
    issuer: NAME,
    audience: NAME,
  }, (claims, done) => done(null, claims)))
  const app = express()
  app.use(passport.authenticate('jwt', { session: false }))
  app.use(rateLimit({
    windowMs: PLENTY.window * 1000,
    limit: PLENTY.limit,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: (request) => request.user.sub,
  }))
  app.get('/articles/:id', (request, response) => {
    const article = find(request.params.id)
    if (article === undefined) return response.status(404).json({ error: 'Not Found' })
    if (!abilityOf(request.user).can('read', subject('Article', article))) return response.status(403).json({ error: 'Forbidden' })
    response.json(article)
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
